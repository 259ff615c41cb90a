"""A valid file of every format, as bytes to damage, and the wrapping that stays intact around them."""

import bz2
import csv
import io
import json
import pickle
import random
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats_writer
import numpy as np
import pandas as pd
import record_writer
import test_json_results as results
from fuzz_structures import wrong_csv, wrong_json, wrong_parquet, wrong_pickle


def _plain(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _framed(path: Path, content: bytes) -> None:
    """One damaged record, rightly framed, between good ones."""
    rows = record_writer.rows()
    path.write_bytes(b"".join(map(record_writer.record, [*rows[:2], content, *rows[3:]])))


def _compressed(path: Path, content: bytes) -> None:
    path.write_bytes(bz2.compress(content))


def _in_folder(path: Path, content: bytes) -> None:
    path.mkdir()
    (path / "000000.pickle.pbz2").write_bytes(bz2.compress(_pickled_architecture(1)))
    (path / "000001.pickle.pbz2").write_bytes(bz2.compress(content))


def _in_torch_zip(path: Path, content: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", content)
        archive.writestr("archive/version", "3\n")


def _json_folder(name: str) -> Callable[[Path, bytes], None]:
    def write(path: Path, content: bytes) -> None:
        folder = path / "re" / "fidelity"
        folder.mkdir(parents=True)
        (folder / f"{name}_1.json").write_bytes(content)

    return write


def _tarred(path: Path, content: bytes) -> None:
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("anb/result_1.json")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))


def _onnx_folder(path: Path, content: bytes) -> None:
    path.mkdir()
    for name in ("a.onnx", "b.onnx"):
        (path / name).write_bytes(b"")
    (path / "results.csv").write_bytes(content)


@dataclass(frozen=True)
class Sample:
    """``content`` written by ``write`` is a valid file of the format ``source``."""

    source: str
    content: bytes
    write: Callable[[Path, bytes], None] = _plain
    # A file cut off between two rows is a shorter file, which no reader can tell.
    may_shorten: bool = False
    # Makes content of the same form that says something else.
    change: Callable[[bytes, random.Random], bytes] | None = None


RECIPES = {"12": 2, "200": 3}


def _pickled_architecture(index: int = 0) -> bytes:
    return pickle.dumps(nats_writer.architecture(index, RECIPES), protocol=4)


def _torch_pickle() -> bytes:
    return pickle.dumps(nats_writer.everything({"less": 2, "full": 3}, 2), protocol=2)


def _torch_legacy() -> bytes:
    """As torch before 1.6 saved: magic number, protocol, the machine, the object, keys of storages."""
    system = {
        "protocol_version": 1001,
        "little_endian": True,
        "type_sizes": {"short": 2, "int": 4, "long": 4},
    }
    heads = b"".join(pickle.dumps(part, protocol=2) for part in (0x1950A86A20F9469CFC6C, 1001, system))
    return heads + _torch_pickle() + pickle.dumps([], protocol=2)


def _torch_zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("archive/data.pkl", _torch_pickle())
        archive.writestr("archive/version", "3\n")
    return out.getvalue()


def _parquet(frame: pd.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.to_parquet(out)
    return out.getvalue()


def _csv(rows: list[list[Any]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


OWN = pd.DataFrame({"architecture": ["a", "b", "c"], "x_test_accuracy": [1.5, 50.0, 99.0], "n": [1, 2, 3]})
CELLS = pd.DataFrame(
    {
        "adjacency": ["010001000", "0100"],
        "operations": ["input,maxpool3x3,output", "input,output"],
        "valid_accuracy_108_epochs": [90.0, 50.0],
    }
)
BLOCKS = pd.DataFrame([results.accel_result(k, 60.0)["architecture"] for k in (3, 5)]).assign(
    block6_se=True, imagenet_top1_accuracy=[60.0, 61.0]
)
SUB_NETWORKS = pd.DataFrame(
    {
        "kernel_sizes": [",".join(["3"] * 20), ",".join(["5"] * 20)],
        "expand_ratios": ",".join(["4"] * 20),
        "depths": "2,3,2,3,2",
        "resolution": 224,
        "imagenet_top1_accuracy": [70.0, 71.0],
    }
)
MODELS = pd.DataFrame({"onnx": [b"model", b"other"], "name": ["a", "b"], "x_test_accuracy": [70.0, 71.0]})
RNG_CELLS = [results.random_cell(np.random.default_rng(i)) for i in range(2)]
DYNAST = [results.HEADER, *([results.sub_network(k), "", 1, 2, 3, 70.0 + k] for k in (3, 5))]

SAMPLES = {
    "tfrecord": Sample(
        "nasbench101", b"".join(map(record_writer.record, record_writer.rows())), may_shorten=True
    ),
    "tfrecord rows": Sample("nasbench101", record_writer.rows()[2], _framed, True, wrong_json),
    "torch legacy": Sample("nasbench201_torch", _torch_legacy(), change=wrong_pickle),
    "torch zip": Sample("nasbench201_torch", _torch_zip()),
    "torch zip pickle": Sample("nasbench201_torch", _torch_pickle(), _in_torch_zip, change=wrong_pickle),
    "nats folder": Sample("nats_bench_folder", _pickled_architecture(), _in_folder, change=wrong_pickle),
    "nats pickle": Sample(
        "nats_bench_pickle",
        pickle.dumps(nats_writer.everything(RECIPES, 2), protocol=4),
        _compressed,
        change=wrong_pickle,
    ),
    "nats pbz2": Sample("nats_bench_pickle", bz2.compress(pickle.dumps(nats_writer.everything(RECIPES, 2)))),
    "nasbench301": Sample(
        "nasbench301",
        json.dumps(results.nasbench301_result(*RNG_CELLS, 90, 89)).encode(),
        _json_folder("results"),
        change=wrong_json,
    ),
    "accel json": Sample(
        "accel_nasbench",
        json.dumps(results.accel_result(3, 60.0)).encode(),
        _json_folder("result"),
        change=wrong_json,
    ),
    "accel tar member": Sample(
        "accel_nasbench", json.dumps(results.accel_result(3, 60.0)).encode(), _tarred, change=wrong_json
    ),
    "ctnas": Sample("ctnas", json.dumps([results.LINE, results.DIRECT]).encode(), change=wrong_json),
    "dynast": Sample("dynast", _csv(DYNAST), may_shorten=True, change=wrong_csv),
    "nasbench101 table": Sample("nasbench101_table", _parquet(CELLS), change=wrong_parquet),
    "mnasnet table": Sample("mnasnet_table", _parquet(BLOCKS), change=wrong_parquet),
    "once for all table": Sample("once_for_all_table", _parquet(SUB_NETWORKS), change=wrong_parquet),
    "tidy parquet": Sample("tidy_parquet", _parquet(OWN), change=wrong_parquet),
    "tidy csv": Sample("tidy_csv", OWN.to_csv(index=False).encode(), may_shorten=True, change=wrong_csv),
    "tidy json": Sample("tidy_json", OWN.to_json(orient="records").encode(), change=wrong_json),
    "onnx folder": Sample(
        "onnx_folder", b"file,x_test_accuracy\na.onnx,50\nb.onnx,60\n", _onnx_folder, True, wrong_csv
    ),
    "onnx table": Sample("onnx_table", _parquet(MODELS), change=wrong_parquet),
}
with io.BytesIO() as _out:
    with tarfile.open(fileobj=_out, mode="w:gz") as _archive:
        _member = tarfile.TarInfo("anb/result_1.json")
        _text = json.dumps(results.accel_result(3, 60.0)).encode()
        _member.size = len(_text)
        _archive.addfile(_member, io.BytesIO(_text))
    SAMPLES["accel tar.gz"] = Sample("accel_nasbench", _out.getvalue())
