"""Parameters of a search, typed and bounded; unknown keys are refused."""

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

WITH_PREDICTOR = ("curriculum",)
WITHOUT_PREDICTOR = ("random",)
STRATEGIES = (*WITH_PREDICTOR, *WITHOUT_PREDICTOR)


class CurriculumParameters(BaseModel):
    """Of the policy and its baseline (Chen et al., CVPR 2021, section 3.3, where not chosen by measurement).

    Attributes:
        steps: policy gradient steps in a round.
        samples: architectures sampled in a step.
        baseline_every: steps between two rises of the baseline.
        entropy_bonus: weight of the policy's entropy, in nats, in what is maximised.
        learning_rate: of Adam.
        hidden: width of the policy's LSTM.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: int = Field(default=40, ge=1)
    samples: int = Field(default=256, ge=2)
    baseline_every: int = Field(default=5, ge=1)
    entropy_bonus: float = Field(default=5e-4, ge=0)
    learning_rate: float = Field(default=0.005, gt=0)
    hidden: int = Field(default=64, ge=1)


class SearchParameters(BaseModel):
    """What is searched for, how, and with how many queries.

    Attributes:
        strategy: one of ``STRATEGIES``.
        queries: the budget: architectures whose accuracy may be asked for, the first labels included.
        initial: labels bought in the first round, before a predictor can be fitted.
        batch: labels bought in every later round.
        seed: of everything random.
        curriculum: of the strategy ``curriculum``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    strategy: str = "curriculum"
    queries: int = Field(default=60, ge=1)
    initial: int = Field(default=20, ge=1)
    batch: int = Field(default=10, ge=1)
    seed: int = Field(default=0, ge=0)
    curriculum: CurriculumParameters = CurriculumParameters()

    @field_validator("strategy")
    @classmethod
    def _strategy_is_known(cls, name: str) -> str:
        if name not in STRATEGIES:
            raise ValueError(f"strategy {name!r} is unknown: choose from {', '.join(sorted(STRATEGIES))}")
        return name

    @model_validator(mode="after")
    def _budget_covers_first_labels(self) -> "SearchParameters":
        if self.strategy in WITH_PREDICTOR and self.queries < self.initial:
            raise ValueError(
                f"a budget of {self.queries} queries is smaller than the {self.initial} first labels: "
                "raise queries or lower initial"
            )
        return self
