"""Digests of what changes the function of a node and is not among its features.

Slopes, epsilons, momentum, dropout, kinds and amounts of padding, axes, numbers that a tensor
is multiplied with, contents of constants: there are too many kinds to give each a column, and a model that
ranks reads none of them. But two networks that differ in one are two functions. So a node has a number more,
the digest of all such settings. 0 stands for the usual ones, the defaults of PyTorch's layers and what the
shapes of a node tell already: nodes of ordinary networks, and all hashes that are made of them, have zeros.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

# About 10 MB. A template space writes millions of nodes that differ in a few hundred settings.
DIGESTS_KEPT = 65_536
# Something changes the node's function that is not known: no two such nodes are known to be the same.
NOT_HELD = 0xFFFFFFFFFFFFFFFF


def digest(*parts: Any) -> int:
    """Return a number in [1, 2^64 - 2] for settings: equal for equal ones, integers and floats of one value
    alike.

    Args:
        parts: numbers, strings, None, bytes, and lists and tuples of them.

    Raises:
        TypeError: a part is something else.
    """
    found = hashlib.blake2b(repr(_plain(parts)).encode(), digest_size=8).digest()
    return int.from_bytes(found, "little") % (NOT_HELD - 1) + 1


def _plain(part: Any) -> Any:
    if part is None or isinstance(part, str | bytes | complex):
        return part
    if isinstance(part, bool | int | float | np.integer | np.floating):
        number = float(part)
        # Beyond 2^53 floats no longer tell integers apart.
        return number.hex() if not isinstance(part, int) or int(part) == number or number != number else part
    if isinstance(part, list | tuple):
        return tuple(map(_plain, part))
    raise TypeError(f"{type(part).__name__} is not a setting")


def settings_digest(kind: str, settings: Mapping[str, Any], usual: Mapping[str, Any] | None = None) -> int:
    """Return the digest of those settings that are not the usual ones; 0 if all are, or there are none."""
    usual = usual or {}
    unusual = [(name, settings[name]) for name in sorted(settings) if _differs(settings, usual, name)]
    return digest(kind, unusual) if unusual else 0


def _differs(settings: Mapping[str, Any], usual: Mapping[str, Any], name: str) -> bool:
    return name not in usual or _plain(settings[name]) != _plain(usual[name])


@lru_cache(DIGESTS_KEPT)
def halves(attributes: int) -> tuple[int, int]:
    """Return a digest as two signed 32-bit integers, the lower half first."""
    low, high = np.array([attributes], dtype="<u8").view("<i4").tolist()
    return low, high


def window_attributes(
    inside: Sequence[int],
    outside: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    padding: Sequence[int],
    *,
    ceil: bool = False,
) -> int:
    """Return the digest of how windows lie on an image; 0 where the shapes, which a node has, tell it.

    Args:
        inside: sizes of the image.
        outside: numbers of windows along each dimension.
        kernel, stride, dilation: of the windows.
        padding: what is added to the image at both ends.
        ceil: whether windows that overhang the edge count.
    """
    dimensions = list(zip(inside, outside, kernel, stride, dilation, strict=True))
    if list(padding) == [usual_padding(*sizes) for sizes in dimensions]:
        return 0
    overhang = ceil and any(
        _windows(size, add, *how) != count
        for (size, count, *how), add in zip(dimensions, padding, strict=True)
    )
    return digest("padding", list(padding), overhang)


def usual_padding(inside: int, outside: int, kernel: int, stride: int, dilation: int = 1) -> int:
    """Return the padding at both ends that the sizes of an image and of what windows give let one expect.

    It is half a window, where that gives as many windows, else the least that does.
    """
    half = dilation * (kernel - 1) // 2
    if _windows(inside, half, kernel, stride, dilation) == outside:
        return half
    tried = range(inside + kernel * dilation)
    return next((add for add in tried if _windows(inside, add, kernel, stride, dilation) == outside), 0)


def _windows(inside: int, padding: int, kernel: int, stride: int, dilation: int) -> int:
    return (inside + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def slice_attributes(start: int, step: int) -> int:
    """Return the digest of where a slice lies along the one dimension that it shortens; 0 at the
    beginning.
    """
    return settings_digest("slice", {"start": start, "step": step}, {"start": 0, "step": 1})


def batch_norm_attributes(epsilon: float = 1e-5, momentum: float | None = 0.1) -> int:
    """Return the digest of a batch norm's settings; 0 for PyTorch's."""
    return settings_digest(
        "batch_norm", {"eps": epsilon, "momentum": momentum}, {"eps": 1e-5, "momentum": 0.1}
    )
