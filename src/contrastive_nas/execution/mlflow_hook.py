"""Copies the record of a run to MLflow, for those who configure it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kedro.config import MissingConfigException
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contrastive_nas.errors import InputError
from contrastive_nas.execution.nested import flat
from contrastive_nas.execution.run_record import FOLDER, RunRecorder

# The store takes so many parameters at once.
BATCH = 100


class MlflowParameters(BaseModel):
    """``conf/<environment>/mlflow.yml``.

    Attributes:
        enabled: whether runs are copied.
        tracking_uri: the store; a SQLite file beside the records of runs where none is named.
        largest_artifact_mb: larger results are not copied.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = False
    tracking_uri: str | None = None
    largest_artifact_mb: float = Field(default=50.0, ge=0)


class MlflowLogger:
    """Kedro hooks that log parameters, metrics and results when a run has ended.

    Args:
        recorder: makes the record that is copied; its hooks run first.
    """

    def __init__(self, recorder: RunRecorder) -> None:
        self._recorder = recorder
        self._parameters = MlflowParameters()

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Read the configuration.

        Raises:
            InputError: it is wrong, or MLflow is asked for and not installed.
        """
        try:
            self._parameters = MlflowParameters.model_validate(context.config_loader["mlflow"])
        except MissingConfigException:
            self._parameters = MlflowParameters()
        except ValidationError as error:
            raise InputError(f"mlflow.yml: {error}") from error
        if self._parameters.enabled:
            _import_mlflow()

    @hook_impl(trylast=True)
    def after_pipeline_run(self) -> None:
        self._log("FINISHED")

    @hook_impl(trylast=True)
    def on_pipeline_error(self) -> None:
        self._log("FAILED")

    def _log(self, status: str) -> None:
        if not self._parameters.enabled:
            return
        mlflow = _import_mlflow()
        record, project = self._recorder.record, self._recorder.project
        folder = project / FOLDER
        mlflow.set_tracking_uri(self._parameters.tracking_uri or f"sqlite:///{folder / 'mlflow.db'}")
        if mlflow.get_experiment_by_name(record["experiment"]) is None:
            mlflow.create_experiment(record["experiment"], artifact_location=(folder / "mlflow").as_uri())
        mlflow.set_experiment(record["experiment"])
        mlflow.start_run(run_name=record["run"], tags={"commit": record["git"].get("commit", "")})
        parameters = list(flat(record["parameters"]))
        for start in range(0, len(parameters), BATCH):
            mlflow.log_params(dict(parameters[start : start + BATCH]))
        mlflow.log_metrics(_numbers(record["metrics"]))
        mlflow.log_dict(record, "record.json")
        for path in self._results(record, project):
            (mlflow.log_artifacts if path.is_dir() else mlflow.log_artifact)(
                str(path), path.parent.parent.name
            )
        mlflow.end_run(status)

    def _results(self, record: Mapping[str, Any], project: Path) -> list[Path]:
        outputs = [output for node in record["nodes"] for output in node["outputs"].values()]
        paths = [project / output["version"] for output in outputs]
        return [path for path in paths if _megabytes(path) <= self._parameters.largest_artifact_mb]


def _import_mlflow() -> Any:
    # It reports its use to its makers unless told not to; nothing here shall need a network.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    try:
        import mlflow
    except ImportError as error:
        raise InputError("mlflow.yml asks for MLflow: install contrastive-nas[mlflow]") from error
    return mlflow


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if isinstance(value, int | float)}


def _megabytes(path: Path) -> float:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files) / 1e6
