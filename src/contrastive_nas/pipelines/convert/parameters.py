"""Parameters of conversion."""

from pydantic import Field

from contrastive_nas.typed import Typed


class ConvertParameters(Typed):
    """What is stored for every computation graph.

    Attributes:
        eigenvalues: Number of the smallest eigenvalues of the graph's Laplacian. Pretraining compares the
            first ``pretrain.eigenvalues`` of them.
    """

    eigenvalues: int = Field(default=21, ge=1, le=64)
