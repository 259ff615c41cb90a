"""Parameters of the first labels, and of the comparator's training."""

from pydantic import BaseModel, ConfigDict, Field

from contrastive_nas.ranking.parameters import CompareParameters


class FirstLabelsParameters(BaseModel):
    """The initial design of a search, which a comparator may learn from too.

    Attributes:
        count: its queries.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    count: int = Field(default=5, ge=2)


class CompareStageParameters(BaseModel):
    """The stage's parameters.

    Attributes:
        first_labels: what is bought.
        training: of the comparator.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    first_labels: FirstLabelsParameters = FirstLabelsParameters()
    training: CompareParameters = CompareParameters()
