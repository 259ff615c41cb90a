"""Parameters of conversion."""

from pydantic import BaseModel, ConfigDict, Field


class ConvertParameters(BaseModel):
    """What is kept of every graph.

    Attributes:
        eigenvalues: how many of the smallest eigenvalues of the Laplacian.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    eigenvalues: int = Field(default=21, ge=1, le=64)
