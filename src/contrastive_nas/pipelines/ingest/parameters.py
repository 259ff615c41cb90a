"""Parameters of ingestion."""

from typing import Literal

from pydantic import Field

from contrastive_nas.typed import Typed


class IngestParameters(Typed):
    """How the benchmark file is read.

    Attributes:
        source: Format of the file, one of those in docs/ingestion.md. ``auto`` recognises it by its content.
        on_error: What to do with a row that cannot be used: ``stop`` with a message, or ``skip`` the row and
            count it.
        unlabelled: Whether accuracies may be missing, for a space without a table (``contrastive-nas sample``
            lists architectures of a space). Every query is then trained, and results have no rank among known
            networks.
        rows: Number of rows to read, from the first on. ``null`` reads all.
    """

    source: str = "auto"
    on_error: Literal["stop", "skip"] = "stop"
    unlabelled: bool = False
    rows: int | None = Field(default=None, ge=2)
