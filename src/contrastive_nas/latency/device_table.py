"""Tables with the milliseconds of networks on devices."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contrastive_nas.errors import InputError, instead
from contrastive_nas.spaces.base import Architecture, SearchSpace
from contrastive_nas.tables.reading import read_table

FloatArray = NDArray[np.float64]
SUFFIX = "_latency_milliseconds"
_NAMES = "architecture"
# How columns of one device at other batch sizes end.
_BATCH = re.compile(r"_\d+$")


@dataclass(frozen=True, eq=False)
class DeviceTable:
    """Milliseconds of networks on devices.

    Attributes:
        architectures: the networks, each once.
        devices: names; those of one device at several batch sizes differ by ``_<number>`` at their end.
        milliseconds: networks x devices, NaN where a network was not measured.
    """

    architectures: tuple[Architecture, ...]
    devices: tuple[str, ...]
    milliseconds: FloatArray

    @property
    def logs(self) -> FloatArray:
        """Natural logarithms of the milliseconds: networks x devices."""
        return np.log(self.milliseconds)

    def of(self, device: str) -> FloatArray:
        """Give the milliseconds of every network on one device.

        Raises:
            InputError: the table has no such device.
        """
        if device not in self.devices:
            raise InputError(f"no device {device!r}{instead(device, self.devices)}")
        return np.asarray(self.milliseconds[:, self.devices.index(device)])

    def keep(self, devices: Sequence[str]) -> "DeviceTable | None":
        """Give the table of these devices alone; None where it has none of them."""
        places = [place for place, name in enumerate(self.devices) if name in devices]
        kept = tuple(self.devices[place] for place in places)
        return DeviceTable(self.architectures, kept, self.milliseconds[:, places]) if kept else None


def device_of(column: str) -> str:
    """Name the device, whatever its batch size: ``1080ti`` of ``1080ti_32``."""
    return _BATCH.sub("", column)


def read_device_table(path: Path, space: SearchSpace) -> DeviceTable:
    """Read a CSV or Parquet file with the columns ``architecture`` and ``<device>_latency_milliseconds``.

    Raises:
        InputError: no such column, a network that is none of the space or is there twice, or a latency that
            is no number above 0; the message names file, row and column.
    """
    frame, file = read_table(path, space=space.name, metrics=[], validate=space.read).frame, str(path)
    columns = [str(name) for name in frame.columns if str(name).endswith(SUFFIX) and str(name) != SUFFIX]
    if not columns:
        raise InputError(
            f"{file} has no column of a device: name it <device>{SUFFIX}; it has "
            f"{', '.join(map(str, frame.columns))}"
        )
    values = np.stack([_numbers(frame, column, file) for column in columns], axis=1)
    devices = tuple(column.removesuffix(SUFFIX) for column in columns)
    return DeviceTable(tuple(frame[_NAMES]), devices, values)


def _numbers(frame: pd.DataFrame, column: str, file: str) -> FloatArray:
    given = frame[column]
    numbers = pd.to_numeric(given, errors="coerce").to_numpy(dtype=float)
    wrong = np.flatnonzero(given.notna().to_numpy() & ~((numbers > 0) & np.isfinite(numbers)))
    if len(wrong):
        row = int(wrong[0])
        raise InputError(
            f"{file}: {column} of {frame[_NAMES].iloc[row]} is {given.iloc[row]}: milliseconds are numbers "
            "above 0; leave the cell empty where a network was not measured"
        )
    if np.isnan(numbers).all():
        raise InputError(f"{file}: {column} is empty: leave the column out")
    return numbers
