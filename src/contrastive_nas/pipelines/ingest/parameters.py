"""Parameters of ingestion."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class IngestParameters(BaseModel):
    """How the raw file is read.

    Attributes:
        source: name of its format; ``auto`` tells it by content.
        on_error: ``stop`` at the first row that cannot be used, or ``skip`` such rows and count them.
        unlabelled: accuracies may be missing, for a space without a table (``contrastive-nas sample`` lists
            architectures of it); every query is then trained, and nothing is ranked among known networks.
        rows: only that many of the first rows; None takes all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = "auto"
    on_error: Literal["stop", "skip"] = "stop"
    unlabelled: bool = False
    rows: int | None = Field(default=None, ge=2)
