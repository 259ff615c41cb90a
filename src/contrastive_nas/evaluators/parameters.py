"""Parameters of evaluators; free of heavy imports, because pipelines check them before anything runs."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from contrastive_nas.training.config import ShortSettings


class TrainingParameters(ShortSettings):
    """How the networks of a search are trained.

    Attributes:
        seeds: one training each; an accuracy is their mean.
        workers: processes; 0 takes one per processor that this process may use.
    """

    seeds: tuple[int, ...] = Field(default=(0, 1, 2), min_length=1)
    workers: int = Field(default=0, ge=0, le=1024)


class SurrogateParameters(BaseModel):
    """A model that is fitted to the experiment's table.

    Attributes:
        seed: of the model and of the noise.
        noisy: what a search sees carries noise of the size of the model's error, always the same for one
            architecture; the reported accuracy does not.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = Field(default=0, ge=0)
    noisy: bool = False


class EvaluatorParameters(BaseModel):
    """Where the accuracies of a search come from.

    Attributes:
        kind: ``training``: every query is trained; ``table``: it is looked up in the experiment's table;
            ``surrogate``: a model of the table predicts it, so that the whole space can be searched;
            ``function``: a function of the user's own gives it.
        training: of the kind ``training``.
        surrogate: of the kind ``surrogate``.
        function: of the kind ``function``: ``path/to/file.py:name`` or ``package.module:name``; called with
            an architecture, gives its accuracy in percent.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["training", "table", "surrogate", "function"] = "training"
    training: TrainingParameters = TrainingParameters()
    surrogate: SurrogateParameters = SurrogateParameters()
    function: str | None = Field(default=None, pattern=r"[^:]+:\w+$")

    @model_validator(mode="after")
    def _function_is_named(self) -> Self:
        if (self.kind == "function") != (self.function is not None):
            raise ValueError(
                "evaluator.function names a function, file.py:name, for the kind 'function' and no other"
            )
        return self


class TabulateParameters(BaseModel):
    """What a benchmark holds.

    Attributes:
        networks: rows, each of another function; fewer where the space has fewer.
        extra_seeds: three more trainings of the first networks, to compare two means of three.
        repeated_networks: how many networks are trained with the extra seeds too.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    networks: int = Field(default=4020, ge=1)
    extra_seeds: tuple[int, ...] = (3, 4, 5)
    repeated_networks: int = Field(default=100, ge=0)
