"""Parameters of evaluators; free of heavy imports, because pipelines check them before anything runs."""

from typing import Literal, Self

from pydantic import Field, PositiveInt, model_validator

from contrastive_nas.training.config import DataSettings, ShortSettings
from contrastive_nas.typed import Seed, Typed


class TrainingParameters(ShortSettings):
    """How the networks of a search are trained.

    Attributes:
        seeds: Seeds of the trainings of one network, one training each. Its accuracy is their mean.
        workers: Number of processes that train networks. 0 takes one for every processor that this process
            may use.
    """

    seeds: tuple[Seed, ...] = Field(default=(0, 1, 2), min_length=1)
    workers: int = Field(default=0, ge=0, le=1024)


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
    """

    kind: Literal["training", "table", "surrogate", "supernet", "function"] = "training"
    training: TrainingParameters = TrainingParameters()
    surrogate: SurrogateParameters = SurrogateParameters()
    supernet: SupernetEvaluatorParameters = SupernetEvaluatorParameters()
    function: str | None = Field(default=None, pattern=r"[^:]+:\w+$")

    @model_validator(mode="after")
    def _function_is_named(self) -> Self:
        if (self.kind == "function") != (self.function is not None):
            raise ValueError(
                "evaluator.function names a function, file.py:name, for the kind 'function' and no other"
            )
        return self


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
