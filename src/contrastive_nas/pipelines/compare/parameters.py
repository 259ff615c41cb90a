"""Parameters of the first labels, and of the comparator's training."""

from pydantic import Field

from contrastive_nas.ranking.parameters import CompareParameters
from contrastive_nas.typed import Typed


class FirstLabelsParameters(Typed):
    """The first round of a search, which the comparator is trained on too.

    Attributes:
        count: Number of architectures that get a label in the first round. They are part of the budget
            ``search.queries``. Where shorter trainings are offered (``evaluator.fidelities``) and the
            strategy learns from them, the first round is instead of as many of the cheapest as one full
            training costs.
    """

    count: int = Field(default=5, ge=2)


class CompareStageParameters(Typed):
    """The first labels, and the comparator that is trained on them.

    Attributes:
        first_labels: The first round of the search.
        training: Training of the comparator.
    """

    first_labels: FirstLabelsParameters = FirstLabelsParameters()
    training: CompareParameters = CompareParameters()
