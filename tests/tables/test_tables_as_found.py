"""Tables as spreadsheets, downloads and other projects leave them: read where the meaning is sure."""

import gzip
import io
import json
import os
import pickle
import zipfile
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import torch

from contrastive_nas.errors import InputError
from contrastive_nas.spaces import load_space
from contrastive_nas.tables import detect, read_table

NAMES = load_space("nasbench201").sample(np.random.default_rng(0), 6)
ACCURACIES = [91.25, 88.5, 93.0, 10.0, 70.75, 84.5]
METRIC = "cifar10_test_accuracy"


def csv(header: str = f"architecture,{METRIC}", separator: str = ",", point: str = ".") -> str:
    rows = [
        f"{name}{separator}{value}".replace(".", point) for name, value in zip(NAMES, ACCURACIES, strict=True)
    ]
    return "\n".join([header.replace(",", separator), *rows, ""])


READ = {
    "semicolons": csv(separator=";").encode(),
    "semicolons and decimal commas": csv(separator=";", point=",").encode(),
    "tabs": csv(separator="\t").encode(),
    "byte order mark": csv().encode("utf-8-sig"),
    "UTF-16, as Excel's Unicode text": csv(separator="\t").encode("utf-16"),
    "UTF-16, big end first": b"\xfe\xff" + csv().encode("utf-16-be"),
    "capital": csv(f"Architecture,{METRIC}").encode(),
    "all in capitals and blanks": csv("ARCHITECTURE , CIFAR10 Test Accuracy").encode(),
    "short name": csv(f"arch,{METRIC}").encode(),
    "another name": csv(f"arch_str,{METRIC}").encode(),
    "comment first": ("# my results\n#\n\n" + csv()).encode(),
    "old line ends": csv().replace("\n", "\r").encode(),
    "compressed": gzip.compress(csv().encode()),
    "percent signs": csv().replace("\n|", "%\n|").replace("accuracy%", "accuracy").encode(),
    "empty rows at the end": (csv() + ",\n,\n").encode(),
}


@pytest.mark.parametrize("kind", READ)
def test_u4_tables_with_one_meaning_are_read(tmp_path, kind) -> None:
    path = tmp_path / "own.csv"
    path.write_bytes(READ[kind])
    assert detect(path) == "tidy_csv"
    for wanted in (None, [METRIC]):
        frame = read_table(path, space="nasbench201", metrics=wanted).frame
        assert frame.architecture.tolist() == NAMES
        assert frame[METRIC].tolist() == ACCURACIES


OBJECTS = [{"architecture": name, METRIC: value} for name, value in zip(NAMES, ACCURACIES, strict=True)]
LINES = "\n".join(map(json.dumps, OBJECTS)).encode()
JSON = {
    "lines": LINES,
    "a line end at the end, empty lines": b"\n" + LINES.replace(b"}", b"}\r\n\n"),
    "compressed lines": gzip.compress(LINES),
    "byte order mark": b"\xef\xbb\xbf" + LINES,
    "list": json.dumps(OBJECTS, indent=2).encode(),
    "compressed list": gzip.compress(json.dumps(OBJECTS).encode()),
    "other names": LINES.replace(b"architecture", b"Arch").replace(b"cifar10_test_acc", b"CIFAR10 test acc"),
}


@pytest.mark.parametrize("kind", JSON)
def test_u4_json_of_own_results_is_read(tmp_path, kind) -> None:
    path = tmp_path / "own.json"
    path.write_bytes(JSON[kind])
    assert detect(path) == "tidy_json"
    frame = read_table(path, space="nasbench201").frame
    assert (frame.architecture.tolist(), frame[METRIC].tolist()) == (NAMES, ACCURACIES)


BAD_LINES = {
    "not an object": (b"[1, 2]", "row 3: not a JSON object"),
    "no JSON": (b'{"architecture": ', "row 3: not valid JSON"),
    "no architecture": (b'{"cifar10_test_accuracy": 90}', "row 3: there is no text called 'architecture'"),
    "no text": (b'{"architecture": [4, 0]}', "row 3: there is no text called 'architecture'"),
    "a list in it": (
        LINES.split(b"\n")[2][:-1] + b', "epochs": [1]}',
        "row 3: 'epochs' is not a number or text",
    ),
    "no number": (LINES.split(b"\n")[2].replace(b"93.0", b'"good"'), "row 3: .*good"),
    "too much": (LINES.split(b"\n")[2].replace(b"93.0", b"930"), "row 3: .*930"),
    "unlike any space": (b'{"architecture": "a", "cifar10_test_accuracy": 90}', "row 3: "),
    "nested": (b"[" * 100_000, "row 3: nested too deeply"),
}


@pytest.mark.parametrize("kind", BAD_LINES)
def test_u4_json_lines_that_cannot_be_used_are_named(tmp_path, kind) -> None:
    line, message = BAD_LINES[kind]
    path, lines = tmp_path / "own.jsonl", LINES.split(b"\n")
    path.write_bytes(b"\n".join([*lines[:2], line, *lines[3:]]))
    with pytest.raises(InputError, match=rf"own\.jsonl, {message}"):
        read_table(path, space="nasbench201")
    left = read_table(path, space="nasbench201", on_error="skip")
    assert (left.frame.architecture.tolist(), left.problem_count) == (NAMES[:2] + NAMES[3:], 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(LINES)[:-20], "cut off or damaged"),
        (json.dumps(OBJECTS)[:-20].encode(), "row 6: not valid JSON"),
        (LINES + b"\n\xff\xfe", "not UTF-8"),
    ],
)
def test_u4_json_that_is_damaged_is_named(tmp_path, content, message) -> None:
    path = tmp_path / "own.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_table(path, source="tidy_json", space="nasbench201", on_error="skip")


def test_u4_capitals_in_parquet(tmp_path) -> None:
    path = tmp_path / "own.parquet"
    pd.DataFrame({"Architecture": NAMES, "CIFAR10_test_accuracy": ACCURACIES}).to_parquet(path)
    frame = read_table(path, space="nasbench201", metrics=[METRIC]).frame
    assert (frame.architecture.tolist(), frame[METRIC].tolist()) == (NAMES, ACCURACIES)


def excel() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return content.getvalue()


def saved() -> bytes:
    content = io.BytesIO()
    torch.save({"arch2infos": {number: {"full": "x" * 100} for number in range(100)}}, content)
    return content.getvalue()


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
PAGE = b"\n<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>"
NEAR = {
    "slip": ("own.csv", csv(f"archtecture,{METRIC}").encode(), "did you mean 'archtecture'"),
    "bars": ("own.csv", csv(f"architecture|{METRIC}").encode(), r"is it separated by '\|'\?"),
    "no accuracy": ("own.csv", csv("architecture,test_acc").encode(), "did you mean 'test_acc'"),
    "workbook": ("own.xlsx", excel(), "an Excel workbook: save its sheet as CSV"),
    "old workbook": ("own.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "an Excel workbook"),
    "pointer": ("NAS-Bench-201-v1_1.pth", LFS, "a Git LFS pointer.*git lfs pull"),
    "pointer named CSV": ("own.csv", LFS, "a Git LFS pointer"),
    "page": ("NAS-Bench-201-v1_1.pth", PAGE, "an HTML page.*download it again"),
    "empty": ("own.csv", b"", "it is empty"),
    "cut off": ("NAS-Bench-201-v1_1.pth", saved()[:-200], "a file by torch.save that is cut off"),
    "cut off zip": ("results.zip", excel()[:-30], "a zip archive that is cut off"),
    "compressed records": (
        "nasbench.tfrecord.gz",
        gzip.compress(bytes(1000)),
        "packed by gzip.*unpack it first",
    ),
    "pickle": ("own.pkl", pickle.dumps({"a": 1}), "a Python pickle"),
    "JSON": ("zc.json", json.dumps({"cifar10": {"(4, 0)": {"val_accuracy": 90}}}).encode(), "it is JSON"),
    "JSON lines": ("own.jsonl", b'{"network": "a", "acc": 1}\n' * 2, "it is JSON.*'architecture'"),
    "one number": ("own.csv", b"91.2\n", "its first line, 91.2, holds values and names no columns"),
    "no header": (
        "own.csv",
        csv().split("\n", 1)[1].encode(),
        r"its first line, \|.*, 91.25, holds values and names no columns",
    ),
    "one column": ("own.txt", b"network\na\nb\n", "its first line, network, is not a column 'architecture'"),
    "a slip alone": ("own.csv", b"architectur\na\n", "did you mean 'architectur'"),
    "comments only": ("own.csv", b"# results\n\n", "nothing but empty lines and comments"),
    "UTF-16 without a mark": ("own.csv", csv().encode("utf-16-le"), "UTF-16 without the mark.*save it"),
    "Latin-1 header": ("own.csv", csv("gr\u00fcn,acc").encode("latin-1"), "not in UTF-8 .*save it as CSV"),
    "image": ("own.csv", b"\x89PNG\r\n\x1a\n" + bytes(50), "a PNG image"),
    "archive": ("own.csv", b"PK\x05\x06" + bytes(18), "binary data"),
    "binary": ("own.bin", bytes(range(256)), "binary data"),
    "Python without networks": ("own.py", b"x = 1\n", r"a Python file without a function networks\(\)"),
    "column twice": ("own.csv", csv(f"architecture,{METRIC},{METRIC}").encode(), f"column '{METRIC}' twice"),
    "columns without names": ("own.csv", csv(f"architecture,{METRIC},,").encode(), "several columns without"),
    "JSON without accuracies": ("own.jsonl", b'{"architecture": "a", "acc": 1}\n', "did you mean 'acc'"),
}


@pytest.mark.parametrize("kind", NEAR)
def test_u4_a_near_miss_is_named(tmp_path, kind) -> None:
    name, content, message = NEAR[kind]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"{name}: .*{message}") as error:
        read_table(path)
    assert "\n" not in str(error.value)


def test_two_columns_of_one_meaning_are_named(tmp_path) -> None:
    path = tmp_path / "own.csv"
    path.write_text(f"architecture,CIFAR10 test accuracy,cifar10-test-accuracy\n{NAMES[0]},90,80\n")
    with pytest.raises(InputError, match="'CIFAR10 test accuracy', 'cifar10-test-accuracy' mean the same"):
        read_table(path)


def test_json_of_whole_columns_says_what_to_give(tmp_path) -> None:
    path = tmp_path / "own.json"
    path.write_text(json.dumps({"architecture": NAMES, METRIC: ACCURACIES}))
    with pytest.raises(InputError, match=r"row 1: .*; give one object for each network"):
        read_table(path)


def test_what_is_no_file_is_named(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("nowhere.csv")
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "own.csv").write_text(csv())
    for name, message in {
        "pipe": "neither a file nor a folder",
        "link": "a link to nowhere.csv, which does not exist",
        "empty": "the folder is empty",
        "full": "neither ONNX files nor a known benchmark but own.csv: name one file",
    }.items():
        with pytest.raises(InputError, match=f"{name}: .*{message}"):
            read_table(tmp_path / name)


def test_rows_of_other_spaces_alone_are_named(tmp_path) -> None:
    path = tmp_path / "own.csv"
    path.write_text(f"architecture,space,{METRIC}\n{NAMES[0]},NASBench201,90\n")
    with pytest.raises(InputError, match="its column space names NASBench201 and never nasbench201"):
        read_table(path, space="nasbench201")


@pytest.mark.parametrize(
    "values", [[Decimal("91.25"), Decimal("88.5")], [np.float32(91.25), np.float32(88.5), None]]
)
def test_numbers_of_other_kinds_are_numbers(tmp_path, values) -> None:
    path = tmp_path / "own.parquet"
    pd.DataFrame({"architecture": NAMES[: len(values)], METRIC: values}).to_parquet(path)
    assert read_table(path, metrics=[]).frame[METRIC].dropna().tolist() == [91.25, 88.5]


def test_a_number_too_large_for_any_is_no_percentage(tmp_path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text(json.dumps({"architecture": NAMES[0], METRIC: 10**400}))
    with pytest.raises(InputError, match=r"row 1: .* not a percentage"):
        read_table(path)


def test_rows_in_another_encoding_say_what_to_save_them_as(tmp_path) -> None:
    path = tmp_path / "own.csv"
    path.write_bytes(f"architecture,{METRIC},note\na,90,gr\u00fcn\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"own.csv, after row 0: not valid CSV in UTF-8, save it as UTF-8: "):
        read_table(path)


def test_u4_a_compressed_table_that_is_cut_off_is_named(tmp_path) -> None:
    path = tmp_path / "own.csv.gz"
    names = load_space("nasbench201").sample(np.random.default_rng(1), 5000)
    lines = [f"{name},50" for name in dict.fromkeys(names)]
    whole = gzip.compress("\n".join([f"architecture,{METRIC}", *lines]).encode())
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"own.csv.gz, after row \d+: it is cut off"):
        read_table(path)


def mixed(fractions: list[int]) -> pd.DataFrame:
    values = [value / 100 if row in fractions else value for row, value in enumerate(ACCURACIES)]
    return pd.DataFrame({"architecture": NAMES, METRIC: values})


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("fractions", [[0], [5], [1, 3, 4]])
def test_s13_fractions_among_percentages_are_problems(tmp_path, suffix, fractions) -> None:
    path = tmp_path / f"own.{suffix}"
    getattr(mixed(fractions), f"to_{suffix}")(path, index=False)
    row = fractions[0]
    with pytest.raises(InputError, match=rf"row {row + 1}: .* is {ACCURACIES[row] / 100:g}, .*a fraction"):
        read_table(path)
    table = read_table(path, on_error="skip")
    assert [problem.row for problem in table.problems] == [row + 1 for row in fractions]
    assert table.frame.architecture.tolist() == [name for n, name in enumerate(NAMES) if n not in fractions]


@pytest.mark.parametrize("chance", [1.0, 0.83])
def test_s13_networks_at_chance_level_are_no_fractions(tmp_path, chance) -> None:
    """CIFAR-100 and ImageNet16-120 in NAS-Bench-201: at best 73 and 47 percent, at chance 1 and 0.83."""
    path = tmp_path / "own.csv"
    top = 73.5 if chance == 1.0 else 47.3
    pd.DataFrame({"architecture": NAMES, METRIC: [top, 40.0, chance, chance, 30.0, 44.0]}).to_csv(
        path, index=False
    )
    assert len(read_table(path).frame) == 6
