"""Runs are copied to MLflow where that is configured, and only there."""

import sys
from pathlib import Path

import pytest
from tiny_project import TinyProject

from contrastive_nas.errors import InputError


def configure(tiny: TinyProject, text: str) -> None:
    tiny.path("conf/base/mlflow.yml").write_text(text)


def test_nothing_is_imported_where_nothing_is_configured(tiny: TinyProject) -> None:
    tiny.session()
    configure(tiny, "enabled: false\n")
    tiny.session()
    assert "mlflow" not in sys.modules


def test_a_wrong_configuration_is_named(tiny: TinyProject) -> None:
    configure(tiny, "enable: true\n")
    with pytest.raises(InputError, match=r"mlflow\.yml"):
        tiny.session()


def test_mlflow_that_is_not_installed_is_named(tiny: TinyProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    configure(tiny, "enabled: true\n")
    with pytest.raises(InputError, match=r"install contrastive-nas\[mlflow\]"):
        tiny.session()


@pytest.mark.slow
def test_parameters_metrics_and_results_are_logged(tiny: TinyProject) -> None:
    mlflow = pytest.importorskip("mlflow")
    configure(tiny, "enabled: true\n")
    tiny.session(params={"sum": {"offset": 4}})
    client = mlflow.MlflowClient(f"sqlite:///{tiny.folder}/data/09_runs/mlflow.db")
    experiment = client.get_experiment_by_name("base")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params["sum.offset"] == "4"
    assert run.data.metrics == {"report.total": 14.0, "report.area": 196.0}
    kept = {path.name for path in Path(tiny.folder, "data/09_runs/mlflow").rglob("*") if path.is_file()}
    assert {"record.json", "report.json", "table.parquet", "shape"} <= kept
