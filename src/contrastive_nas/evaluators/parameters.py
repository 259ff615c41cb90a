"""Parameters of evaluators; free of heavy imports, because pipelines check them before anything runs."""

from typing import Literal, Self

from pydantic import Field, PositiveInt, model_validator

from contrastive_nas.training.config import DataSettings, ShortSettings
from contrastive_nas.typed import Seed, Typed


class RayParameters(Typed):
    """A Ray cluster that trainings run on.

    Attributes:
        address: Address of the cluster. ``auto`` takes the one that runs on this machine, ``host:port`` any
            other, and ``local`` starts one on this machine for the time of the search.
        cpus_per_training: Number of processors that a training occupies. It computes with one thread.
        gpus_per_training: Number of GPUs that a training occupies. With 0.5 two trainings share one. With 0
            they train on processors.
        max_retries: Number of times that a training is tried again after its worker was lost.
    """

    address: str = Field(default="auto", min_length=1)
    cpus_per_training: float = Field(default=1.0, ge=0, le=1024)
    gpus_per_training: float = Field(default=0.0, ge=0, le=1)
    max_retries: int = Field(default=1, ge=0, le=100)


class TrainingParameters(ShortSettings):
    """How the networks of a search are trained.

    Attributes:
        seeds: Seeds of the trainings of one network, one training each. Its accuracy is their mean.
        where: Where trainings run. ``local`` takes processes of this machine, ``ray`` a Ray cluster.
        workers: Number of trainings that run at once. 0 takes one for every processor that this process may
            use, and on a Ray cluster as many as it has room for.
        ray: Options of ``where: ray``.
    """

    seeds: tuple[Seed, ...] = Field(default=(0, 1, 2), min_length=1)
    where: Literal["local", "ray"] = "local"
    workers: int = Field(default=0, ge=0, le=1024)
    ray: RayParameters = RayParameters()

    @property
    def device(self) -> Literal["cpu", "cuda"]:
        """Return the kind of device that trainings run on."""
        return "cuda" if self.where == "ray" and self.ray.gpus_per_training else "cpu"


class SurrogateParameters(Typed):
    """A model that is fitted to the experiment's table and predicts accuracies.

    Attributes:
        seed: Seed of the model and of the noise.
        noisy: Whether the search sees noise of the size of the model's error, always the same for one
            architecture. The reported accuracy has none.
    """

    seed: Seed = 0
    noisy: bool = False


class SupernetEvaluatorParameters(Typed):
    """Accuracies with the weights of one supernet, without a training.

    Attributes:
        weights: File of a trained supernet. ``null`` takes that of the experiment, which the pipeline
            ``supernet`` trains.
        data: Images, for a supernet that was trained elsewhere. ``null`` takes those that it was trained on.
        statistics_images: Number of training images that each network takes its statistics of batch norm of.
    """

    weights: str | None = None
    data: DataSettings | None = None
    statistics_images: PositiveInt = 2000


class FidelityParameters(Typed):
    """A cheaper measurement of a network than the full training.

    Attributes:
        cost: What it costs, in full trainings. The kind ``training`` works it out.
        column: For the kind ``table``: column of its accuracies in percent.
        epochs: For the kind ``training``: epochs of the recipe. ``null`` for all.
        images: For the kind ``training``: share of ``train_images``.
    """

    cost: float | None = Field(default=None, gt=0, lt=1)
    column: str | None = None
    epochs: int | None = Field(default=None, ge=1)
    images: float = Field(default=1.0, gt=0, le=1)


class EvaluatorParameters(Typed):
    """Where the accuracies of a search come from.

    Attributes:
        kind: Source of accuracies. ``training`` trains every queried network, ``table`` looks it up in the
            experiment's table, ``surrogate`` predicts it by a model of the table, so that the whole space can
            be searched, ``supernet`` measures it with the weights of a supernet, and ``function`` calls a
            function of your own.
        training: Options of the kind ``training``, and of the pipeline ``benchmark``.
        surrogate: Options of the kind ``surrogate``.
        supernet: Options of the kind ``supernet``.
        function: For the kind ``function``: your function, as ``path/to/file.py:name`` or
            ``package.module:name``. It is called with an architecture and returns its accuracy in percent.
            With ``fidelities``, the name of a fidelity is its second argument, ``full`` for the full one.
        fidelities: Cheaper measurements by their names. A search uses them where ``search.budget`` is set
            (docs/fidelities.md).
    """

    kind: Literal["training", "table", "surrogate", "supernet", "function"] = "training"
    training: TrainingParameters = TrainingParameters()
    surrogate: SurrogateParameters = SurrogateParameters()
    supernet: SupernetEvaluatorParameters = SupernetEvaluatorParameters()
    function: str | None = Field(default=None, pattern=r"[^:]+:\w+$")
    fidelities: dict[str, FidelityParameters] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _function_is_named(self) -> Self:
        if (self.kind == "function") != (self.function is not None):
            raise ValueError(
                "evaluator.function (file.py:name) must be set for the kind 'function', and only for it"
            )
        return self

    @model_validator(mode="after")
    def _fidelities_fit_the_kind(self) -> Self:
        taken = _FIDELITY_VALUES[self.kind]
        for name, fidelity in self.fidelities.items():
            if not taken:
                raise ValueError(f"fidelity {name!r}: the kind {self.kind!r} has no fidelities")
            given = fidelity.model_fields_set
            if given - taken:
                raise ValueError(
                    f"fidelity {name!r}: the kind {self.kind!r} takes {' and '.join(sorted(taken))}, not "
                    f"{', '.join(sorted(given - taken))}"
                )
            if self.kind != "training" and taken - given:
                raise ValueError(f"fidelity {name!r} needs {' and '.join(sorted(taken - given))}")
            if self.kind == "training" and fidelity.images < 1 and self.training.train_images is None:
                raise ValueError(
                    f"fidelity {name!r}: a share of images needs evaluator.training.train_images"
                )
        return self


# What describes a fidelity of each kind of evaluator; all of it is needed but for trainings.
_FIDELITY_VALUES: dict[str, set[str]] = {
    "training": {"epochs", "images"},
    "supernet": set(),
    "table": {"cost", "column"},
    "function": {"cost"},
    "surrogate": set(),
}


class TabulateParameters(Typed):
    """The table of trained networks that the pipeline ``benchmark`` makes.

    Attributes:
        networks: Number of networks to train, each of another function. Fewer where the space has fewer.
        extra_seeds: Seeds of further trainings of the first networks, which show how well trainings repeat.
        repeated_networks: Number of networks that are trained with the extra seeds too.
    """

    networks: int = Field(default=4020, ge=1)
    extra_seeds: tuple[Seed, ...] = (3, 4, 5)
    repeated_networks: int = Field(default=100, ge=0)
