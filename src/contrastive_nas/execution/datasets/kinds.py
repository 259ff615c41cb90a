"""The kinds of artifacts. Equal data give equal bytes.

``preview`` is what Kedro-Viz shows of a result; it goes by the name of the type that is returned.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contrastive_nas.execution.datasets.artifact import ArtifactDataset

if TYPE_CHECKING:
    import pandas as pd
    from kedro_datasets._typing import JSONPreview, PlotlyPreview, TablePreview

# An element of a page that tells of one run: how long it took, on which machine, by which command.
MEASURED = "measured"
_ELEMENTS = re.compile(rf'<(\w+) class="{MEASURED}">.*?</\1>', re.DOTALL)


class JsonArtifact(ArtifactDataset):
    """Dictionaries and lists as JSON; not-a-number is refused."""

    def read(self, path: Path) -> Any:
        return json.loads(path.read_text(encoding="utf-8"))

    def write(self, path: Path, data: Any) -> None:
        text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)
        path.write_text(text + "\n", encoding="utf-8")

    def preview(self) -> "JSONPreview":
        """Give the whole content as text."""
        from kedro_datasets.json import JSONDataset

        return JSONDataset(filepath=str(self.version().path)).preview()

    def same_but_for_measured(self, one: Path, other: Path) -> bool:
        return self._steady(one) == self._steady(other)

    def _steady(self, path: Path) -> Any:
        content = self.read(path)
        if not isinstance(content, dict):
            return content
        return {key: value for key, value in content.items() if key not in self.measured}


class ParquetArtifact(ArtifactDataset):
    """A pandas table as Parquet."""

    def read(self, path: Path) -> "pd.DataFrame":
        import pandas as pd

        return pd.read_parquet(path)

    def write(self, path: Path, data: "pd.DataFrame") -> None:
        data.to_parquet(path)

    def preview(self, nrows: int = 20) -> "TablePreview":
        """Give the first ``nrows`` rows."""
        from kedro_datasets.pandas import ParquetDataset

        return ParquetDataset(filepath=str(self.version().path)).preview(nrows)

    def same_but_for_measured(self, one: Path, other: Path) -> bool:
        first, second = (self.read(path).drop(columns=self.measured) for path in (one, other))
        return first.equals(second)


class FigureArtifact(ArtifactDataset):
    """A plotly figure, as JSON or as a page of its own, by the file's suffix."""

    def read(self, path: Path) -> Any:
        """Return the figure of a ``.json`` file, the text of an ``.html`` file."""
        text = path.read_text(encoding="utf-8")
        if self._filepath.suffix != ".json":
            return text
        import plotly.io

        return plotly.io.from_json(text)

    def write(self, path: Path, data: Any) -> None:
        if self._filepath.suffix == ".json":
            text = data.to_json()
        else:
            # A fixed identifier: plotly's own is random, so that equal figures would differ.
            text = data.to_html(include_plotlyjs=True, div_id=self._filepath.stem)
        path.write_text(text, encoding="utf-8")

    def preview(self) -> "PlotlyPreview":
        """Give the figure as a dictionary."""
        from kedro_datasets.plotly import JSONDataset

        return JSONDataset(filepath=str(self.version().path)).preview()


class PathArtifact(ArtifactDataset):
    """A file or folder in a format of the library's own: a node returns its writer and is given its path."""

    def read(self, path: Path) -> Path:
        return path

    def write(self, path: Path, data: Callable[[Path], Any]) -> None:
        data(path)


class PageArtifact(ArtifactDataset):
    """An HTML page; two are the same when they differ only in elements of the class ``measured``.

    Such elements hold none of their own kind. A node returns the text and is given the path.
    """

    def read(self, path: Path) -> Path:
        return path

    def write(self, path: Path, data: str) -> None:
        path.write_text(data, encoding="utf-8")

    def same_but_for_measured(self, one: Path, other: Path) -> bool:
        first, second = (without_measured(path.read_text(encoding="utf-8")) for path in (one, other))
        return first == second


def without_measured(page: str) -> str:
    """Return the page without what differs between runs that find the same."""
    return _ELEMENTS.sub("", page)
