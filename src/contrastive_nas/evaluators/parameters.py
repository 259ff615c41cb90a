"""Parameters of evaluators; free of heavy imports, because pipelines check them before anything runs."""

from typing import Literal, Self

from pydantic import Field, model_validator

from contrastive_nas.training.config import ShortSettings
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
            be searched, and ``function`` calls a function of your own.
        training: Options of the kind ``training``, and of the pipeline ``benchmark``.
        surrogate: Options of the kind ``surrogate``.
        function: For the kind ``function``: your function, as ``path/to/file.py:name`` or
            ``package.module:name``. It is called with an architecture and returns its accuracy in percent.
            With ``fidelities``, the name of a fidelity is its second argument, ``full`` for the full one.
        fidelities: Cheaper measurements by their names. A search uses them where ``search.budget`` is set
            (docs/fidelities.md).
    """

    kind: Literal["training", "table", "surrogate", "function"] = "training"
    training: TrainingParameters = TrainingParameters()
    surrogate: SurrogateParameters = SurrogateParameters()
    function: str | None = Field(default=None, pattern=r"[^:]+:\w+$")
    fidelities: dict[str, FidelityParameters] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _function_is_named(self) -> Self:
        if (self.kind == "function") != (self.function is not None):
            raise ValueError(
                "evaluator.function names a function, file.py:name, for the kind 'function' and no other"
            )
        return self

    @model_validator(mode="after")
    def _fidelities_fit_the_kind(self) -> Self:
        taken = _FIDELITY_VALUES[self.kind]
        for name, fidelity in self.fidelities.items():
            if not taken:
                raise ValueError(f"fidelity {name!r}: the kind {self.kind!r} offers none")
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
