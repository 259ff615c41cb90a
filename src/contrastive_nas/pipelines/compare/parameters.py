"""Parameters of the comparator's first labels and training."""

from pydantic import BaseModel, ConfigDict, Field

from contrastive_nas.ranking.parameters import CompareParameters


class FirstLabelsParameters(BaseModel):
    """The labels that the comparator learns from before a search; they count as queries of the search.

    Attributes:
        count: architectures drawn from the table, uniformly.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    count: int = Field(default=20, ge=2)


class CompareStageParameters(BaseModel):
    """The stage's parameters.

    Attributes:
        first_labels: what is bought.
        training: of the comparator.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    first_labels: FirstLabelsParameters = FirstLabelsParameters()
    training: CompareParameters = CompareParameters()
