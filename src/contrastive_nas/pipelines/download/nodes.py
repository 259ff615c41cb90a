"""Public benchmarks to the folder of raw files."""

import logging
from pathlib import Path
from typing import Annotated

from pydantic import Field

from contrastive_nas.errors import InputError

Source = Annotated[
    str | None,
    Field(
        description="Public benchmark that ``kedro run --pipeline download --params source=NAME`` fetches. "
        "Without a name it lists them."
    ),
]
RawFolder = Annotated[str, Field(description="Folder that downloads are written to.")]
_LOG = logging.getLogger(__name__)


def download_benchmark(source: Source, raw_folder: RawFolder) -> None:
    """Fetch the benchmark called ``source`` to ``raw_folder``, unless its files are there.

    Raises:
        InputError: no benchmark is named, or it cannot be fetched; the message says what to do by hand.
    """
    from contrastive_nas.tables import download, list_downloads

    if source is None:
        raise InputError(f"which benchmark? Give --params source=NAME, one of {', '.join(list_downloads())}")
    for path in download(source, Path(raw_folder)):
        _LOG.info("%s is at %s", source, path)
    benchmark = list_downloads()[source]
    _LOG.info("licence: %s; please cite: %s", benchmark.licence, benchmark.citation)
