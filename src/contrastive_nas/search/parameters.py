"""Parameters of a search, typed and bounded; unknown keys are refused."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from contrastive_nas.errors import InputError, instead
from contrastive_nas.ranking.registry import check_ranker_name, check_ranker_options
from contrastive_nas.search.strategy_registry import WITH_RANKER, list_strategies

# Generators of random numbers in the libraries that are used take no larger one.
LARGEST_SEED = 2**32 - 1


class _Parameters(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CurriculumParameters(_Parameters):
    """Of the policy and its baseline (Chen et al., CVPR 2021, section 3.3, where not chosen by measurement).

    Attributes:
        steps: policy gradient steps in a round.
        samples: architectures sampled in a step.
        baseline_every: steps between two rises of the baseline; None keeps it fixed.
        entropy_bonus: weight of the policy's entropy, in nats, in what is maximised.
        learning_rate: of Adam.
        hidden: width of the policy's LSTM.
        reward: ``comparison``: the probability of beating the baseline; ``score``: the score itself.
    """

    steps: int = Field(default=40, ge=1)
    samples: int = Field(default=256, ge=2)
    baseline_every: int | None = Field(default=5, ge=1)
    entropy_bonus: float = Field(default=5e-4, ge=0)
    learning_rate: float = Field(default=0.005, gt=0)
    hidden: int = Field(default=64, ge=1)
    reward: Literal["comparison", "score"] = "comparison"


class EvolutionParameters(_Parameters):
    """Of breeding on the ranker.

    Attributes:
        population: parents kept, and children bred, in a generation.
        generations: in a round.
        crossover: share of children with two parents.
        mutations: mean number of mutations of a mutant, geometrically distributed.
    """

    population: int = Field(default=100, ge=2)
    generations: int = Field(default=5, ge=1)
    crossover: float = Field(default=0.3, ge=0, le=1)
    mutations: float = Field(default=2.0, ge=1)


class SampledParameters(_Parameters):
    """Of the random sample that is ranked.

    Attributes:
        size: architectures drawn.
    """

    size: int = Field(default=5000, ge=1)


class RegularizedEvolutionParameters(_Parameters):
    """Real et al., AAAI 2019; sizes for budgets of some dozen queries.

    Attributes:
        population: living architectures.
        tournament: size of a random sample whose best becomes the parent.
    """

    population: int = Field(default=20, ge=1)
    tournament: int = Field(default=5, ge=1)


class LocalSearchParameters(_Parameters):
    """White et al., UAI 2021.

    Attributes:
        starts: random architectures of which the best is climbed from first.
    """

    starts: int = Field(default=10, ge=1)


class OptunaParameters(_Parameters):
    """Of Optuna's samplers.

    Attributes:
        startup: random trials before the tree-structured Parzen estimator.
        population: of NSGA-II.
        journal: file of a JournalStorage that several processes and optuna-dashboard can join; None keeps the
            study in memory, where the same seed gives the same search.
        study: its name in the journal.
    """

    startup: int = Field(default=10, ge=1)
    population: int = Field(default=20, ge=2)
    journal: Path | None = None
    study: str = "search"


class SearchSettings(_Parameters):
    """What is searched for, how, and with how many queries; all but the initial design and the seed.

    Attributes:
        strategy: see ``contrastive_nas.search.strategy_registry.list_strategies``.
        queries: the budget: architectures whose accuracy may be asked for, the initial design included.
        batch: labels bought in every round after it.
        design: of the first round: ``promising`` networks that differ, where the ranker answers without
            labels; ``random`` ones.
        together: labels of a round are chosen as if those before them were known; else each for itself.
        objectives: costs to be minimised besides maximising accuracy; the result is then a front.
        limits: the most that a network may cost, by cost: ``macs``, ``parameters``, or a column of the cost
            table.
    """

    strategy: str = "default"
    queries: int = Field(default=60, ge=1)
    batch: int = Field(default=5, ge=1)
    design: Literal["promising", "random"] = "promising"
    together: bool = True
    objectives: tuple[str, ...] = ()
    limits: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    curriculum: CurriculumParameters = CurriculumParameters()
    evolution: EvolutionParameters = EvolutionParameters()
    sampled: SampledParameters = SampledParameters()
    regularized_evolution: RegularizedEvolutionParameters = RegularizedEvolutionParameters()
    local_search: LocalSearchParameters = LocalSearchParameters()
    optuna: OptunaParameters = OptunaParameters()

    @field_validator("strategy")
    @classmethod
    def _strategy_is_known(cls, name: str) -> str:
        if name not in list_strategies():
            raise ValueError(f"strategy {name!r} is unknown{instead(name, list_strategies())}")
        return name


class SearchParameters(SearchSettings):
    """A search.

    Attributes:
        initial: labels of the initial design, the first round.
        seed: of everything random.
    """

    initial: int = Field(default=5, ge=1)
    seed: int = Field(default=0, ge=0, le=LARGEST_SEED)

    @model_validator(mode="after")
    def _budget_covers_initial(self) -> "SearchParameters":
        if self.strategy in WITH_RANKER and self.queries < self.initial:
            raise ValueError(
                f"a budget of {self.queries} queries is smaller than the initial design of {self.initial}: "
                "raise queries or lower initial"
            )
        return self


class RankerParameters(BaseModel):
    """What guides a search.

    Attributes:
        name: see :func:`contrastive_nas.ranking.registry.list_rankers`; or ``file.py:Class`` of a user's own.
        options: of the ranker.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = "transfer"
    options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _it_exists(self) -> Self:
        try:
            check_ranker_name(self.name)
            check_ranker_options(self.name, self.options)
        except InputError as error:
            raise ValueError(str(error)) from None
        return self
