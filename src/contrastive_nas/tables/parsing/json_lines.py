"""Results as JSON: an object a line, or one list of objects; compressed by gzip or not."""

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contrastive_nas.errors import InputError
from contrastive_nas.tables.base import Problems
from contrastive_nas.tables.parsing import json_array
from contrastive_nas.tables.parsing.delimited import LARGEST_UNPACKED, opened, unpacked_head

# With or without the mark that some programs put at a file's beginning.
_ENCODING = "utf-8-sig"


def first(path: Path) -> dict[str, Any] | None:
    """Return the first object of a file that looks like one of these; None if it does not."""
    start = unpacked_head(path).removeprefix(b"\xef\xbb\xbf").lstrip()
    text = start.removeprefix(b"[").lstrip().decode(errors="ignore")
    if not text.startswith("{"):
        return None
    try:
        found, _ = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def objects(path: Path, problems: Problems) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects with their numbers from 1; empty lines do not count, other lines than objects are
    problems.

    Raises:
        InputError: the file is no UTF-8, is cut off, unpacks to more than any table of results, or is a list
            that is no valid JSON.
    """
    done = 0
    try:
        with opened(path, _ENCODING) as stream:
            if unpacked_head(path).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"["):
                yield from enumerate(json_array.listed(stream, str(path)), start=1)
                return
            left = LARGEST_UNPACKED
            while line := stream.readline(json_array.LONGEST_ITEM + 1):
                left -= len(line)
                if len(line) > json_array.LONGEST_ITEM or left < 0:
                    raise InputError(f"{path}, after row {done}: larger than any table of results")
                if line.strip():
                    done += 1
                    found = _object(line)
                    if isinstance(found, dict):
                        yield done, found
                    else:
                        problems.add(done, found)
    except (UnicodeError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        reason = "not UTF-8" if isinstance(error, UnicodeError) else "it is cut off or damaged"
        raise InputError(f"{path}, after row {done}: {reason}: {error}") from error


def _object(line: str) -> dict[str, Any] | str:
    """The object of a line, or why it is none."""
    try:
        found = json.loads(line)
    except RecursionError:
        return "nested too deeply"
    except ValueError as error:
        return f"not valid JSON: {str(error)[:200]}"
    return found if isinstance(found, dict) else "not a JSON object"
