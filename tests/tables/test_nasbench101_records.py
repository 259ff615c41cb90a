"""NAS-Bench-101's record files: what a writer by the published schema wrote is read back, damage is named."""

import numpy as np
import pytest
import record_writer as writer
from google_crc32c import value as library_crc

from contrastive_nas.errors import InputError
from contrastive_nas.tables import detect, read_table


def test_the_writer_computes_the_standard_checksum() -> None:
    # The check value of RFC 3720, appendix B.4, and agreement with the library that the reader uses.
    assert writer.crc32c(b"123456789") == 0xE3069283
    assert writer.crc32c(bytes(range(256))) == library_crc(bytes(range(256)))


def test_reads_back_means_and_repeats_of_every_budget(tmp_path) -> None:
    path = writer.write(tmp_path / "nasbench_full.tfrecord", writer.rows((4, 12, 36, 108)))
    assert detect(path) == "nasbench101"
    table = read_table(path)
    assert table.space == "nasbench101"
    assert table.frame.architecture.tolist() == [
        "input,conv3x3-bn-relu,output/010001000",
        "input,maxpool3x3,output/010001000",
        "input,conv1x1-bn-relu,conv3x3-bn-relu,output/0101001000010000",
    ]
    assert table.frame.module_hash.tolist() == list(writer.CELLS)
    assert table.frame.trainable_parameters.tolist() == [1000, 1001, 1002]
    for epochs in (4, 12, 36, 108):
        suffix = "" if epochs == 108 else f"_{epochs}_epochs"
        for split, name in enumerate(("train", "valid", "test")):
            column = f"cifar10_{name}_accuracy{suffix}"
            for cell in range(3):
                single = [100 * writer.accuracies(cell, epochs, repeat)[split] for repeat in range(3)]
                got = [table.frame[f"{column}_repeat_{n}"][cell] for n in (1, 2, 3)]
                np.testing.assert_allclose(got, single, rtol=1e-14)
                np.testing.assert_allclose(table.frame[column][cell], np.mean(single), rtol=1e-14)
        seconds = table.frame[f"training_seconds_{epochs}_epochs"]
        np.testing.assert_allclose(seconds, 10 * epochs + 1)


def test_the_small_file_has_one_budget(tmp_path) -> None:
    table = read_table(writer.write(tmp_path / "nasbench_only108.tfrecord", writer.rows((108,))))
    assert not [column for column in table.frame.columns if column.endswith("_12_epochs")]
    assert "cifar10_test_accuracy" in table.metrics


def test_fewer_repeats_leave_gaps_not_zeros(tmp_path) -> None:
    table = read_table(writer.write(tmp_path / "x", writer.rows(repeats=2)))
    assert table.frame.cifar10_valid_accuracy_repeat_3.isna().all()
    np.testing.assert_allclose(
        table.frame.cifar10_valid_accuracy,
        [100 * np.mean([writer.accuracies(cell, 108, repeat)[1] for repeat in (0, 1)]) for cell in range(3)],
    )


def test_a_fourth_training_is_a_problem(tmp_path) -> None:
    path = writer.write(tmp_path / "x", writer.rows(repeats=4))
    with pytest.raises(InputError, match=r"row 10: a training for 108 epochs beyond the 3"):
        read_table(path)
    table = read_table(path, on_error="skip")
    assert (table.problem_count, len(table.frame)) == (3, 3)


def _replaced(position: int, payload: bytes) -> list[bytes]:
    rows = writer.rows()
    rows[position] = payload
    return rows


MESSAGE = writer.metrics(108, 5, 1.0, (0.9, 0.8, 0.7))
BAD_ROWS = {
    "not valid JSON": b"{",
    "not a list": b'{"a": 1}',
    "nested": b"[" * 100_000,
    "is not a fraction|are not fractions": writer.row(
        "d" * 32, 108, "010001000", "input,maxpool3x3,output", writer.metrics(108, 5, 1.0, (0.9, 1.8, 0.7))
    ),
    "trained for 7 epochs": writer.row("d" * 32, 7, "010001000", "input,maxpool3x3,output", MESSAGE),
    "unknown operation": writer.row("d" * 32, 108, "010001000", "input,conv7x7,output", MESSAGE),
    "9 digits 0 or 1": writer.row("d" * 32, 108, "01000100", "input,maxpool3x3,output", MESSAGE),
    "has a cycle": writer.row("d" * 32, 108, "010101000", "input,maxpool3x3,output", MESSAGE),
    "not connected": writer.row("d" * 32, 108, "010000000", "input,maxpool3x3,output", MESSAGE),
    "the form is": writer.row("d" * 32, 108, "0", "input", MESSAGE),
    "not a ModelMetrics": writer.row("d" * 32, 108, "010001000", "input,maxpool3x3,output", MESSAGE[:-3]),
    "0 evaluations": writer.row("d" * 32, 108, "010001000", "input,maxpool3x3,output", b""),
    "not base64": b'["d", 108, "010001000", "input,maxpool3x3,output", "!!"]',
}


@pytest.mark.parametrize("reason", BAD_ROWS)
def test_a_bad_row_is_named_and_can_be_skipped(tmp_path, reason) -> None:
    path = writer.write(tmp_path / "x.tfrecord", _replaced(4, BAD_ROWS[reason]))
    expected = "not valid JSON|not a list" if reason == "nested" else reason
    with pytest.raises(InputError, match=rf"x\.tfrecord, row 5: .*({expected})"):
        read_table(path)
    table = read_table(path, on_error="skip")
    assert [problem.row for problem in table.problems] == [5]
    assert len(table.frame) == 3


def test_a_wrong_checksum_is_one_bad_row(tmp_path) -> None:
    path = writer.write(tmp_path / "x", writer.rows())
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="row 1: the record's checksum"):
        read_table(path)
    assert read_table(path, on_error="skip").problem_count == 1


@pytest.mark.parametrize("left", [3, 11, 12, 200, -2, -5])
def test_a_cut_off_file_is_an_error_even_when_skipping(tmp_path, left) -> None:
    path = writer.write(tmp_path / "x", writer.rows())
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(InputError, match="ends within"):
        read_table(path, source="nasbench101", on_error="skip")


def test_a_huge_length_is_refused_before_reading_it(tmp_path) -> None:
    length = (1 << 60).to_bytes(8, "little")
    path = tmp_path / "x"
    path.write_bytes(writer.record(writer.rows()[0]) + length + writer.masked(length))
    with pytest.raises(InputError, match="row 2: a record of"):
        read_table(path)
