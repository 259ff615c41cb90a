"""One file over HTTP that goes on where an earlier transfer broke off."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from contrastive_nas.progress import progress

CHUNK_BYTES = 1 << 20
# To connect, and between two pieces of the content.
TIMEOUT_SECONDS = (10.0, 30.0)
ATTEMPTS = 5
_PARTIAL_CONTENT = 206
_RANGE_NOT_SATISFIABLE = 416


class ResumingDownload:
    """A downloader for pooch that keeps what has come so far beside the ``target``.

    The part is only continued while the server's ETag or modification date is the one it began with.
    """

    def __init__(self, target: Path) -> None:
        self._part = target.with_name(f".{target.name}.part")
        self._note = target.with_name(f".{target.name}.part.json")

    def __call__(self, url: str, output_file: str, pooch: Any) -> None:
        """Fetches ``url`` to ``output_file``.

        Raises:
            requests.RequestException: the server cannot be reached, refuses, or breaks off too often.
            OSError: nothing can be written.
            ValueError: the content has another size than the server says.
        """
        self._part.parent.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, ATTEMPTS + 1):
            before = self._size()
            try:
                self._transfer(url)
                break
            except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                # A server that sent nothing at all will not do better on the next try.
                if attempt == ATTEMPTS or self._size() == before:
                    raise
        self._part.replace(output_file)
        self._note.unlink(missing_ok=True)

    def _size(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    def _transfer(self, url: str) -> None:
        with requests.get(url, stream=True, timeout=TIMEOUT_SECONDS, headers=self._range()) as response:
            if response.status_code == _RANGE_NOT_SATISFIABLE:
                self._part.unlink(missing_ok=True)
                raise requests.ConnectionError(
                    "the partly downloaded file does not fit the server's any more"
                )
            response.raise_for_status()
            resumed = response.status_code == _PARTIAL_CONTENT
            self._note.write_text(json.dumps({"version": _version(response)}))
            length = response.headers.get("Content-Length")
            start = self._size() if resumed else 0
            if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
                raise ValueError("the server did not continue the download where it was asked to")
            encoded = response.headers.get("Content-Encoding", "identity") != "identity"
            total = None if length is None or encoded else start + int(length)
            with self._part.open("ab" if resumed else "wb") as stream:
                for chunk in self._shown(response, total, start):
                    stream.write(chunk)
        if total is not None and self._size() != total:
            raise ValueError(f"{self._size()} bytes were received instead of {total}")

    def _shown(self, response: requests.Response, total: int | None, start: int) -> Iterator[bytes]:
        chunks = None if total is None else -(-(total - start) // CHUNK_BYTES)
        title = f"fetching {self._part.name[1:-5]} (MB)"
        yield from progress(response.iter_content(CHUNK_BYTES), title, chunks)

    def _range(self) -> dict[str, str]:
        """Asks for the rest of what is here, or for all of it if the file has changed since."""
        # Compressed on the way, positions and sizes would not be those of the file.
        headers = {"Accept-Encoding": "identity"}
        if self._size() and (version := self._noted_version()):
            headers |= {"Range": f"bytes={self._size()}-", "If-Range": version}
        return headers

    def _noted_version(self) -> str | None:
        try:
            return json.loads(self._note.read_text())["version"]
        except (OSError, ValueError, KeyError, TypeError):
            return None


def _version(response: requests.Response) -> str | None:
    """What tells one version of the file from another: a strong ETag, else the modification date."""
    tag = response.headers.get("ETag")
    return tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified")
