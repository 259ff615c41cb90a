"""Writes that land whole or not at all."""

import errno
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# A disk that is full or may not be written: what a user can mend.
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}
# How libraries written in Rust (safetensors) tell what the system said; it is no OSError there.
_SYSTEM_ERROR = re.compile(r"\(os error (\d+)\)")


@contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """Give a temporary path beside ``target`` that replaces it when the block ends without an error.

    The data are flushed to the disk before the rename, so that a crash leaves either the old or the new
    file. When the block raises (a full disk, an interruption), ``target`` stays as it was.

    Raises:
        OSError: the folder cannot be written, or a folder has the name already; the error names ``target``.
    """
    target = Path(target)
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    partial = _empty_file(target)
    try:
        yield partial
        with partial.open("rb+") as stream:
            os.fsync(stream.fileno())
        # mkstemp makes files for the owner only; results are as readable as any other file.
        partial.chmod(0o666 & ~_current_umask())
        partial.replace(target)
    except Exception as error:
        found = _SYSTEM_ERROR.search(str(error))
        if found is None or isinstance(error, OSError):
            raise
        raise OSError(int(found[1]), os.strerror(int(found[1])), str(target)) from error
    finally:
        partial.unlink(missing_ok=True)


def _empty_file(target: Path) -> Path:
    """A new file beside ``target``."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent)
    except FileExistsError as error:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(target)) from error
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from error
    os.close(descriptor)
    return Path(name)


def _current_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
