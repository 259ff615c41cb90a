"""Parameters of downloads."""

from typing import Annotated

from pydantic import Field

Source = Annotated[
    str | None,
    Field(
        description="Public benchmark that ``kedro run --pipeline download --params source=NAME`` fetches. "
        "Without a name it lists them."
    ),
]
RawFolder = Annotated[str, Field(description="Folder that downloads are written to.")]
