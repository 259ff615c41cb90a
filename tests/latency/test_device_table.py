"""Reading milliseconds of devices."""

from pathlib import Path

import numpy as np
import pytest

from contrastive_nas.errors import InputError
from contrastive_nas.latency.device_table import device_of, read_device_table
from contrastive_nas.spaces import load_space

FIRST = "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"
SECOND = FIRST.replace("nor_conv_3x3", "nor_conv_1x1")
HEADER = "architecture,phone_1_latency_milliseconds,phone_32_latency_milliseconds"


def written(folder: Path, *lines: str, header: str = HEADER) -> Path:
    file = folder / "latency.csv"
    file.write_text("\n".join([header, *lines]) + "\n")
    return file


def test_reads_devices_and_gaps(tmp_path: Path) -> None:
    table = read_device_table(written(tmp_path, f"{FIRST},1.5,2", f"{SECOND},,3"), load_space("nasbench201"))
    assert table.devices == ("phone_1", "phone_32")
    assert table.architectures == (FIRST, SECOND)
    np.testing.assert_array_equal(table.of("phone_1"), [1.5, np.nan])
    kept = table.keep(["phone_32"])
    assert kept is not None
    np.testing.assert_array_equal(kept.milliseconds, [[2], [3]])
    assert table.keep(["tablet"]) is None


@pytest.mark.parametrize(
    ("column", "device"),
    [
        ("1080ti_32", "1080ti"),
        ("1080ti_256", "1080ti"),
        ("silver_4210r", "silver_4210r"),
        ("pixel3", "pixel3"),
    ],
)
def test_batch_sizes_are_one_device(column: str, device: str) -> None:
    assert device_of(column) == device


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([f"{FIRST},-1,2"], "phone_1_latency_milliseconds of .* is -1.*above 0"),
        ([f"{FIRST},0,2"], "above 0"),
        ([f"{FIRST},fast,2"], "is fast: .*above 0"),
        ([f"{FIRST},1,", f"{SECOND},2,"], "phone_32_latency_milliseconds is empty"),
        (["|conv~0|,1,2"], "conv"),
        ([f"{FIRST},1,2", f"{FIRST},1,3"], "row 2: .* that of row 1 again"),
    ],
)
def test_bad_tables_are_refused_by_name(tmp_path: Path, lines: list[str], reason: str) -> None:
    with pytest.raises(InputError, match=reason) as error:
        read_device_table(written(tmp_path, *lines), load_space("nasbench201"))
    assert "latency.csv" in str(error.value)


def test_a_table_without_devices_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path, f"{FIRST},1", header="architecture,milliseconds")
    with pytest.raises(InputError, match=r"<device>_latency_milliseconds.*it has architecture"):
        read_device_table(file, load_space("nasbench201"))


def test_an_unknown_device_is_named(tmp_path: Path) -> None:
    table = read_device_table(written(tmp_path, f"{FIRST},1,2"), load_space("nasbench201"))
    with pytest.raises(InputError, match=r"phone_2.*did you mean"):
        table.of("phone_2")
