"""The one string form of an architecture in each space whose benchmark files write it differently."""

from collections.abc import Sequence
from operator import itemgetter

from contrastive_nas.errors import InputError
from contrastive_nas.spaces import foreign, nasbench101_cells
from contrastive_nas.tables.base import RowError

DARTS_INPUTS = 2
DARTS_NODES = 4


def nasbench101(operations: Sequence[str], matrix: str) -> str:
    """Return ``input,conv3x3-bn-relu,output/010001000`` with vertices off every path from input to output
    pruned.

    Args:
        operations: labels of the vertices, input first, output last.
        matrix: row-major adjacency of as many vertices, zeros and ones.

    Raises:
        RowError: it is no cell of the benchmark; the message says why.
    """
    try:
        return str(nasbench101_cells.read(operations, matrix))
    except InputError as error:
        raise RowError(str(error)) from None


def mnasnet(blocks: Sequence[tuple[int, int, int, bool]]) -> str:
    """Return ``e6k3l1s0|...``: expansion, kernel, layers and squeeze-excite of each of seven blocks."""
    return "|".join(f"e{e}k{k}l{layers}s{int(squeeze)}" for e, k, layers, squeeze in blocks)


def mobilenet_v3(
    resolution: int, kernels: Sequence[int], expansions: Sequence[int], depths: Sequence[int]
) -> str:
    """Return :func:`contrastive_nas.spaces.foreign.elastic_stages`, for one row.

    Raises:
        RowError: the lengths do not fit each other.
    """
    try:
        return foreign.elastic_stages(resolution, kernels, expansions, depths)
    except InputError as error:
        raise RowError(str(error)) from None


def darts(normal: Sequence[tuple[str, int]], reduction: Sequence[tuple[str, int]]) -> str:
    """Return ``sep_conv_3x3~0,skip_connect~1|...//...``: four nodes of two (operation, input) pairs, two
    cells.
    """
    return "//".join(_darts_cell(cell) for cell in (normal, reduction))


def _darts_cell(cell: Sequence[tuple[str, int]]) -> str:
    if len(cell) != DARTS_INPUTS * DARTS_NODES:
        raise RowError(f"a cell has {DARTS_INPUTS * DARTS_NODES} edges, not {len(cell)}")
    # Published genotypes name the two edges of a node in any order; the space has them by their inputs.
    nodes = (sorted(pair, key=itemgetter(1)) for pair in zip(cell[::2], cell[1::2], strict=True))
    return "|".join(",".join(f"{operation}~{origin}" for operation, origin in node) for node in nodes)
