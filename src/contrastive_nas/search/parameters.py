"""Parameters of a search, typed and bounded; unknown keys are refused."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from contrastive_nas.errors import InputError, instead
from contrastive_nas.latency.parameters import LatencyParameters
from contrastive_nas.ranking.registry import check_ranker_name, read_ranker_options
from contrastive_nas.search.budget import Budget
from contrastive_nas.search.strategy_registry import WITH_RANKER, list_strategies
from contrastive_nas.typed import Seed, Typed


class CurriculumParameters(Typed):
    """The strategy ``curriculum``: a policy that learns to beat a rising baseline (Chen et al., CVPR 2021).

    Attributes:
        steps: Policy gradient steps in a round.
        samples: Architectures that the policy samples in a step.
        baseline_every: Steps between two rises of the baseline. ``null`` keeps the first baseline.
        entropy_bonus: Weight of the policy's entropy, in nats, in the objective. A larger one explores more.
        learning_rate: Learning rate of Adam.
        hidden: Width of the policy's LSTM.
        reward: Reward of a sampled architecture. ``comparison``: its probability of beating the baseline.
            ``score``: the ranker's score.
    """

    steps: int = Field(default=40, ge=1)
    samples: int = Field(default=256, ge=2)
    baseline_every: int | None = Field(default=5, ge=1)
    entropy_bonus: float = Field(default=5e-4, ge=0)
    learning_rate: float = Field(default=0.005, gt=0)
    hidden: int = Field(default=64, ge=1)
    reward: Literal["comparison", "score"] = "comparison"


class EvolutionParameters(Typed):
    """The strategies that breed candidates by the ranker, such as ``evolution`` and ``default``.

    Attributes:
        population: Parents kept, and children bred, in a generation.
        generations: Generations in a round.
        crossover: Share of children with two parents.
        mutations: Mean number of mutations of a mutated child. The number is geometrically distributed.
    """

    population: int = Field(default=100, ge=2)
    generations: int = Field(default=5, ge=1)
    crossover: float = Field(default=0.3, ge=0, le=1)
    mutations: float = Field(default=2.0, ge=1)


class SampledParameters(Typed):
    """The strategy ``sampled``, which ranks a random sample.

    Attributes:
        size: Number of architectures drawn.
    """

    size: int = Field(default=5000, ge=1)


class RegularizedEvolutionParameters(Typed):
    """The strategy ``regularized_evolution`` (Real et al., AAAI 2019); defaults for some dozen queries.

    Attributes:
        population: Architectures that are alive.
        tournament: Size of the random sample whose best architecture becomes the parent.
    """

    population: int = Field(default=20, ge=1)
    tournament: int = Field(default=5, ge=1)


class LocalSearchParameters(Typed):
    """The strategy ``local_search`` (White et al., UAI 2021).

    Attributes:
        starts: Random architectures to begin with. The search climbs from the best one.
    """

    starts: int = Field(default=10, ge=1)


class OptunaParameters(Typed):
    """The strategies ``tpe`` and ``nsga2``, which are Optuna's samplers.

    Attributes:
        startup: Random trials before the tree-structured Parzen estimator.
        population: Population of NSGA-II.
        journal: File of the study, which several processes and optuna-dashboard can open. ``null`` keeps the
            study in memory, where the same seed gives the same search.
        study: Name of the study in the journal.
    """

    startup: int = Field(default=10, ge=1)
    population: int = Field(default=20, ge=2)
    journal: Path | None = None
    study: str = "search"


class HalvingParameters(Typed):
    """The strategies that stop bad trainings early, and their competitors.

    Attributes:
        eta: Strategy ``asha``: of so many networks that were measured at a fidelity, one goes on to the next.
            Brackets of ``successive_halving`` and ``hyperband`` have as many networks as spend the same on
            every fidelity.
        share: Strategy ``random_then_best``: share of its networks that are trained in full.
    """

    eta: float = Field(default=3.0, gt=1)
    share: float = Field(default=0.1, gt=0, le=1)


class BudgetParameters(Typed):
    """A budget that counts what queries cost: one of both units.

    Attributes:
        trainings: Number of full trainings. A shorter one counts as its part of a full one.
        hours: Processor hours of all trainings. The last training may run over.
    """

    trainings: float | None = Field(default=None, gt=0)
    hours: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _one_unit(self) -> Self:
        if (self.trainings is None) == (self.hours is None):
            raise ValueError("a budget has one unit: trainings or hours")
        return self

    def budget(self) -> Budget:
        """Return what may be spent."""
        if self.hours is not None:
            return Budget(self.hours, "hours")
        assert self.trainings is not None
        return Budget(self.trainings, "trainings")


class SearchSettings(Typed):
    """What is searched for, how, and with how many queries; all but the initial design and the seed.

    Attributes:
        strategy: Strategy that chooses the architectures to query (docs/search.md).
        queries: Budget: number of architectures whose accuracy may be queried, the first round included.
        budget: Budget in full trainings or in hours, in place of ``queries``: ``{trainings: 20}``. Shorter
            trainings (``evaluator.fidelities``) need it.
        batch: Queries in every round after the first one.
        parallel: Number of networks that are under way at the same time. Whenever one is answered, the next
            one is chosen, in place of rounds. 0 and 1 search in rounds.
        design: Architectures of the first round. ``promising``: good ones by the ranker that differ from each
            other, where the ranker answers without labels. ``random``: random ones.
        together: Whether the queries of a round are chosen as if the answers to those before them were known.
            Otherwise each is chosen on its own.
        objectives: Costs to minimise while accuracy is maximised: ``macs``, ``parameters``, ``latency``, or
            columns of the table. The result is then a Pareto front.
        limits: Largest cost of a network, by the name of the cost: ``macs`` (multiply-accumulates),
            ``parameters``, ``latency`` (milliseconds, measured), or a column of the table.
        latency: How the cost ``latency`` is measured, unless it is a column of the table.
        curriculum: Options of the strategy ``curriculum``.
        evolution: Options of strategies that breed candidates by the ranker, such as ``default``.
        sampled: Options of the strategy ``sampled``.
        regularized_evolution: Options of the strategy ``regularized_evolution``.
        local_search: Options of the strategy ``local_search``.
        optuna: Options of the strategies ``tpe`` and ``nsga2``.
        halving: Options of the strategies ``asha`` and ``random_then_best``.
    """

    strategy: str = Field(default="default", json_schema_extra={"enum": [*list_strategies()]})
    queries: int = Field(default=60, ge=1)
    budget: BudgetParameters | None = None
    batch: int = Field(default=5, ge=1)
    parallel: int = Field(default=0, ge=0, le=1024)
    design: Literal["promising", "random"] = "promising"
    together: bool = True
    objectives: tuple[str, ...] = ()
    limits: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    latency: LatencyParameters = LatencyParameters()
    curriculum: CurriculumParameters = CurriculumParameters()
    evolution: EvolutionParameters = EvolutionParameters()
    sampled: SampledParameters = SampledParameters()
    regularized_evolution: RegularizedEvolutionParameters = RegularizedEvolutionParameters()
    local_search: LocalSearchParameters = LocalSearchParameters()
    optuna: OptunaParameters = OptunaParameters()
    halving: HalvingParameters = HalvingParameters()

    @property
    def may_spend(self) -> Budget:
        """The budget in its unit."""
        return Budget(self.queries) if self.budget is None else self.budget.budget()

    @field_validator("strategy")
    @classmethod
    def _strategy_is_known(cls, name: str) -> str:
        if name not in list_strategies():
            raise ValueError(f"strategy {name!r} is unknown{instead(name, list_strategies())}")
        return name


class SearchParameters(SearchSettings):
    """A search.

    Attributes:
        initial: Queries of the first round.
        seed: Seed of everything random.
    """

    initial: int = Field(default=5, ge=1)
    seed: Seed = 0

    @model_validator(mode="after")
    def _budget_covers_initial(self) -> "SearchParameters":
        if self.budget is None and self.strategy in WITH_RANKER and self.queries < self.initial:
            raise ValueError(
                f"a budget of {self.queries} queries is smaller than the initial design of {self.initial}: "
                "raise queries or lower initial"
            )
        return self


class RankerParameters(Typed):
    """The ranker that guides a search.

    Attributes:
        name: Name of a ranker (``contrastive-nas rankers`` lists them), or ``path/to/file.py:Class`` for your
            own.
        options: Options of the ranker by name. Each ranker has its own.
    """

    name: str = "transfer"
    options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _it_exists(self) -> Self:
        try:
            check_ranker_name(self.name)
            read_ranker_options(self.name, self.options)
        except InputError as error:
            raise ValueError(str(error)) from None
        return self
