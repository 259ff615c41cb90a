"""Sub-networks of the Once-for-All MobileNetV3 supernet as a Parquet of comma-separated layer settings."""

from contrastive_nas.tables.base import RowError
from contrastive_nas.tables.formats.described_parquet import described_parquet
from contrastive_nas.tables.parsing import notation


def _integers(name: str, text: object) -> list[int]:
    try:
        return [int(part) for part in str(text).split(",")]
    except ValueError:
        raise RowError(f"{name} is {str(text)[:60]!r}, not comma-separated whole numbers") from None


def _architecture(resolution: object, kernels: object, expansions: object, depths: object) -> str:
    side = _integers("resolution", resolution)
    if len(side) != 1:
        raise RowError(f"one resolution is needed, not {side[:5]}")
    return notation.mobilenet_v3(
        side[0],
        _integers("kernel_sizes", kernels),
        _integers("expand_ratios", expansions),
        _integers("depths", depths),
    )


ONCE_FOR_ALL_TABLE = described_parquet(
    "once_for_all_table",
    "Once-for-All MobileNetV3 sub-networks, Parquet with `kernel_sizes`, `expand_ratios` and `depths`",
    "mobilenet_v3",
    ["resolution", "kernel_sizes", "expand_ratios", "depths"],
    _architecture,
    # Layers beyond a stage's depth do not exist, so that rows which differ only there are one sub-network.
    repeats=True,
)
