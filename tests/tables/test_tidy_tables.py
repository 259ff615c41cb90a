"""Tables of a user's own results: what is kept, what is checked, and how errors name the place."""

import numpy as np
import pandas as pd
import pytest

from contrastive_nas.errors import InputError
from contrastive_nas.tables import detect, read_table, write_table

FIRST = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
SECOND = FIRST.replace("none~0|+", "nor_conv_3x3~0|+", 1)
THIRD = FIRST.replace("none~2", "skip_connect~2")


def own_results() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "architecture": [FIRST, SECOND, THIRD],
            "cifar10_test_accuracy": [10.0, 93.25, 50.5],
            "epochs": [200, 200, 12],
            "note": ["a", "b, with comma", None],
        }
    )


def write(frame: pd.DataFrame, path):
    frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(path)
    return path


@pytest.fixture(params=["own.csv", "own.parquet"])
def path(tmp_path, request):
    return tmp_path / request.param


def test_reads_what_was_written(path) -> None:
    table = read_table(write(own_results(), path), space="nasbench201")
    assert table.source == f"tidy_{path.suffix[1:]}"
    assert table.metrics == ["cifar10_test_accuracy"]
    assert (table.rows_read, table.problem_count) == (3, 0)
    pd.testing.assert_frame_equal(table.frame.fillna(""), own_results().fillna(""), check_dtype=False)
    assert table.frame.epochs.dtype.kind == "i"


def changed(column: str, row: int, value) -> pd.DataFrame:
    frame = own_results().astype(object)
    frame.loc[row, column] = value
    return frame


BAD = {
    "accuracy above 100": (changed("cifar10_test_accuracy", 1, 100.5), "row 2: .*100.5, not a percentage"),
    "negative accuracy": (changed("cifar10_test_accuracy", 2, -1.0), "row 3: .*-1.0, not a percentage"),
    "infinite accuracy": (changed("cifar10_test_accuracy", 0, np.inf), "row 1: .*inf, not a percentage"),
    "no accuracy": (changed("cifar10_test_accuracy", 0, None), "row 1: no accuracy is given"),
    "twice": (changed("architecture", 2, SECOND), "row 3: .* is that of row 2 again"),
    "no architecture": (changed("architecture", 1, None), "row 2: the architecture is missing"),
    "wrong architecture": (changed("architecture", 1, "|x~0|"), r"row 2: nasbench201: '\|x~0\|'"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_stops_or_is_left_out(path, name) -> None:
    frame, message = BAD[name]
    # A column of Parquet has one type.
    frame = frame.astype({"cifar10_test_accuracy": float, "epochs": int})
    write(frame, path)
    with pytest.raises(InputError, match=rf"{path.name}, {message}"):
        read_table(path, space="nasbench201")
    table = read_table(path, space="nasbench201", on_error="skip")
    assert (table.rows_read, len(table.frame), table.problem_count) == (3, 2, 1)
    assert table.problems[0].file == str(path)
    assert table.summary()["problems"] == 1


def test_text_in_place_of_an_accuracy(tmp_path) -> None:
    path = write(changed("cifar10_test_accuracy", 1, "high"), tmp_path / "own.csv")
    with pytest.raises(InputError, match="row 2: cifar10_test_accuracy is high, not a percentage"):
        read_table(path)


def test_problems_are_kept_up_to_a_limit_and_all_counted(path) -> None:
    frame = pd.DataFrame({"architecture": [f"a{i}" for i in range(50)], "x_test_accuracy": 200.0})
    frame.loc[49, "x_test_accuracy"] = 20.0
    table = read_table(write(frame, path), on_error="skip", limit=7)
    assert (len(table.problems), table.problem_count, len(table.frame)) == (7, 49, 1)
    assert [problem.row for problem in table.problems] == list(range(1, 8))


def test_fractions_in_place_of_percent_are_noticed(path) -> None:
    frame = own_results().assign(cifar10_test_accuracy=[0.1, 0.9, 0.5])
    with pytest.raises(InputError, match="lies within 0 and 1; accuracies are given in percent"):
        read_table(write(frame, path))


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (
            own_results().drop(columns="cifar10_test_accuracy"),
            "no column <dataset>_<split>_accuracy; it has no",
        ),
        (own_results().iloc[:0], "no row can be used: it holds none"),
    ],
)
def test_a_table_without_accuracies_or_rows(path, frame, message) -> None:
    with pytest.raises(InputError, match=message):
        read_table(write(frame, path))


def test_a_metric_that_is_asked_for_must_be_there_in_every_row(path) -> None:
    write(own_results().assign(cifar10_valid_accuracy=[1.0, None, 3.0]), path)
    assert len(read_table(path).frame) == 3
    with pytest.raises(InputError, match="row 2: cifar10_valid_accuracy is missing"):
        read_table(path, metrics=["cifar10_valid_accuracy"])
    with pytest.raises(InputError, match="no column svhn_test_accuracy; it has cifar10_test_accuracy"):
        read_table(path, metrics=["svhn_test_accuracy"])


def test_a_table_of_several_spaces(path) -> None:
    frame = own_results().assign(space=["nasbench201", "elsewhere", "nasbench201"])
    write(frame, path)
    assert read_table(path, space="nasbench201").frame.architecture.tolist() == [FIRST, THIRD]
    # Naming a space must not run code: only the caller may name one that is not of this package.
    with pytest.raises(InputError, match="row 2: space 'elsewhere' is not one of"):
        read_table(path)


def test_a_file_of_code_as_space_is_not_run(path, tmp_path) -> None:
    code = tmp_path / "code.py"
    code.write_text("open('ran', 'w')")
    write(own_results().assign(space=f"{code}:Space"), path)
    with pytest.raises(InputError, match="is not one of"):
        read_table(path)
    assert not (tmp_path / "ran").exists()


def test_csv_with_a_byte_order_mark_and_windows_lines(tmp_path) -> None:
    path = tmp_path / "own.csv"
    path.write_bytes(b"\xef\xbb\xbf" + own_results().to_csv(index=False, lineterminator="\r\n").encode())
    assert len(read_table(path, space="nasbench201").frame) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"architecture,x_test_accuracy\na,1\nb,2,3\n", "row 2: 3 fields, the header has 2"),
        (b'architecture,x_test_accuracy\na,1\n"b,2\n', "after row 1: not valid CSV"),
        (b"architecture,x_test_accuracy\na,1\n\xff,2\n", "not valid CSV in UTF-8"),
        (b"architecture,architecture\na,1\n", "names the column 'architecture' twice"),
        (b"architecture,x_test_accuracy\n" + b"a" * 2_000_000 + b",1\n", "field larger than field limit"),
    ],
)
def test_damaged_csv_is_named(tmp_path, content, message) -> None:
    path = tmp_path / "own.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_table(path)


def test_paths_and_names_that_do_not_exist(tmp_path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        read_table(tmp_path / "none.csv")
    path = write(own_results(), tmp_path / "own.csv")
    with pytest.raises(InputError, match=r"source 'csv' is unknown: did you mean 'tidy_csv'"):
        read_table(path, source="csv")
    with pytest.raises(InputError, match="on_error is 'ignore'"):
        read_table(path, on_error="ignore")  # type: ignore[arg-type]
    (tmp_path / "text").write_text("hello")
    assert detect(tmp_path / "text") is None
    with pytest.raises(InputError, match="none of the known formats"):
        read_table(tmp_path / "text")


def test_writing_the_same_table_gives_the_same_bytes_and_whole_files_only(tmp_path) -> None:
    frame = own_results()
    write_table(frame, tmp_path / "a.parquet")
    rows = write_table((frame.iloc[i : i + 1] for i in range(3)), tmp_path / "b.parquet")
    write_table(frame, tmp_path / "c.parquet")
    assert rows == 3
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "c.parquet").read_bytes()
    for name in ("a", "b"):
        got = read_table(tmp_path / f"{name}.parquet", space="nasbench201").frame
        pd.testing.assert_frame_equal(got.fillna(""), frame.fillna(""), check_dtype=False)

    def breaks_off():
        yield frame
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_table(breaks_off(), tmp_path / "d.parquet")
    with pytest.raises(InputError, match="does not fit"):
        write_table(iter([frame, frame.drop(columns="epochs")]), tmp_path / "d.parquet")
    with pytest.raises(InputError, match="nothing to write"):
        write_table(iter([]), tmp_path / "d.parquet")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.parquet", "b.parquet", "c.parquet"]
