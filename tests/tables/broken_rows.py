"""A small file of every format that holds architectures of a space; a row in its middle is broken."""

import json
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tests.tables import nats_writer, record_writer
from tests.tables import test_json_results as results


@dataclass(frozen=True)
class Broken:
    """``write`` makes a file of ``source``.

    Attributes:
        space: of its architectures.
        metric: an accuracy that all usable rows have.
        row: which row is broken, as messages call it.
        reason: what is said about it.
        usable: architectures that are left without it.
    """

    source: str
    space: str
    metric: str
    row: str
    reason: str
    usable: int
    write: Callable[[Path], object]


CELLS = [
    "|none~0|+|none~0|none~1|+|none~0|none~1|" + last for last in ("none~2|", "broken|", "skip_connect~2|")
]
OWN = pd.DataFrame({"architecture": CELLS, "cifar10_test_accuracy": [10.0, 11.0, 12.5]})
MACRO = pd.DataFrame(
    {
        "architecture": ["12341", "15341", "13241"],
        "class_scene_valid_accuracy": [50.0, 51.0, 52.0],
        "normal_valid_accuracy": [0.5, 0.6, 0.7],
        "autoencoder_valid_accuracy": [0.5, 0.6, 0.7],
        "room_layout_valid_accuracy": [-0.6, -0.6, -0.6],
    }
)
BLOCKS = pd.DataFrame([results.accel_result(kernel, 60.0)["architecture"] for kernel in (3, 7, 5)])
LAYERS = pd.DataFrame(
    {
        "kernel_sizes": [",".join([kernel] * 20) for kernel in "3x5"],
        "expand_ratios": ",".join(["4"] * 20),
        "depths": "2,3,2,3,2",
        "resolution": 224,
        "imagenet_top1_accuracy": [70.0, 71.0, 72.0],
    }
)
TABLE101 = pd.DataFrame(
    {
        "adjacency": ["010001000", "010001000", "0100"],
        "operations": ["input,maxpool3x3,output", "input,conv7x7,output", "input,output"],
        "valid_accuracy_108_epochs": [90.0, 80.0, 50.0],
    }
)


def trained(index: int) -> dict[str, Any]:
    return nats_writer.architecture(index, nats_writer.NATS)


def all_trained(recipes: dict[str, int]) -> dict[str, Any]:
    content = nats_writer.everything(recipes)
    content["arch2infos"][1] = {next(iter(recipes)): {"arch_str": nats_writer.ARCHITECTURES[1]}}
    return content


def records(path: Path) -> None:
    rows = record_writer.rows()
    rows[4] = b"{"
    record_writer.write(path, rows)


def nats_folder(path: Path) -> None:
    nats_writer.write_folder(path)
    (path / "000001.pickle.pbz2").write_bytes(b"BZh9 cut off")


def torch_file(path: Path) -> None:
    system = {
        "protocol_version": 1001,
        "little_endian": True,
        "type_sizes": {"short": 2, "int": 4, "long": 4},
    }
    parts = (0x1950A86A20F9469CFC6C, 1001, system, all_trained(nats_writer.FIRST), [])
    path.write_bytes(b"".join(pickle.dumps(part, protocol=2) for part in parts))


def json_files(prefix: str, contents: Iterator[dict[str, Any]]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        folder = path / "re" / "fidelity"
        folder.mkdir(parents=True)
        texts = [json.dumps(content) for content in contents]
        for number, text in enumerate((texts[0], "{", texts[1])):
            (folder / f"{prefix}_{number}.json").write_text(text)

    return write


def darts_results() -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(0)
    for accuracy in (90.0, 91.0):
        cells = results.random_cell(rng), results.random_cell(rng)
        yield results.nasbench301_result(*cells, accuracy, accuracy)


def sub_networks(path: Path) -> None:
    networks = results.sub_network(3), "not a dictionary", results.sub_network(5)
    results.write_dynast(path, [[network, "", 1, 2, 3, 70.0] for network in networks])


BROKEN = (
    Broken("tidy_csv", "nasbench201", "cifar10_test_accuracy", "2", "broken", 2, lambda p: OWN.to_csv(p)),
    Broken(
        "tidy_json",
        "nasbench201",
        "cifar10_test_accuracy",
        "2",
        "broken",
        2,
        lambda p: OWN.to_json(p, orient="records", lines=True),
    ),
    Broken("tidy_parquet", "nasbench201", "cifar10_test_accuracy", "2", "broken", 2, OWN.to_parquet),
    Broken("nasbench101", "nasbench101", "cifar10_test_accuracy", "5", "not valid JSON", 3, records),
    Broken(
        "nats_bench_folder",
        "nasbench201",
        "cifar10_test_accuracy",
        "000001.pickle.pbz2",
        "damaged",
        2,
        nats_folder,
    ),
    Broken(
        "nats_bench_pickle",
        "nasbench201",
        "cifar10_test_accuracy",
        "1",
        "not nested as published",
        2,
        lambda path: nats_writer.write_compressed(all_trained(nats_writer.NATS), path),
    ),
    Broken(
        "nasbench201_torch",
        "nasbench201",
        "cifar10_test_accuracy",
        "1",
        "not nested as published",
        2,
        torch_file,
    ),
    Broken(
        "nasbench301",
        "darts",
        "cifar10_test_accuracy",
        "re/fidelity/results_1.json",
        "not valid JSON",
        2,
        lambda path: json_files("results", darts_results())(path),
    ),
    Broken(
        "accel_nasbench",
        "mnasnet",
        "imagenet_top1_accuracy",
        "re/fidelity/result_1.json",
        "not valid JSON",
        2,
        lambda path: json_files("result", (results.accel_result(k, 60.0) for k in (3, 5)))(path),
    ),
    Broken(
        "ctnas",
        "nasbench101",
        "cifar10_test_accuracy",
        "2",
        "matrix is not a list of lists",
        2,
        lambda path: path.write_text(
            json.dumps([results.LINE, results.LINE | {"matrix": 5}, results.DIRECT])
        ),
    ),
    Broken("dynast", "mobilenet_v3", "imagenet_top1_accuracy", "2", "not a dictionary", 2, sub_networks),
    Broken(
        "nasbench101_table",
        "nasbench101",
        "cifar10_valid_accuracy",
        "2",
        "unknown operation 'conv7x7'",
        2,
        TABLE101.to_parquet,
    ),
    Broken(
        "mnasnet_table",
        "mnasnet",
        "imagenet_top1_accuracy",
        "2",
        "mnasnet",
        2,
        lambda path: BLOCKS.assign(block6_se=True, imagenet_top1_accuracy=60.0).to_parquet(path),
    ),
    Broken(
        "once_for_all_table",
        "mobilenet_v3",
        "imagenet_top1_accuracy",
        "2",
        "not comma-separated",
        2,
        LAYERS.to_parquet,
    ),
    Broken(
        "transnas_table", "transnas_macro", "class_scene_valid_accuracy", "2", "15341", 2, MACRO.to_parquet
    ),
)
