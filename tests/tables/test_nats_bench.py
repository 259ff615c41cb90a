"""NAS-Bench-201 and NATS-Bench files in all their forms, written by Python's pickle and by torch."""

import tarfile
from collections import OrderedDict

import nats_writer as writer
import numpy as np
import pandas as pd
import pytest
import torch

from contrastive_nas.errors import InputError
from contrastive_nas.tables import detect, read_table

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")


def check(table, recipes=(12, 200)) -> None:
    assert table.space == "nasbench201"
    assert table.frame.architecture.tolist() == writer.ARCHITECTURES
    for epochs in recipes:
        suffix = "" if epochs == 200 else f"_{epochs}_epochs"
        for column in writer.COLUMNS:
            want = [writer.expected(index, column, epochs) for index in range(3)]
            np.testing.assert_allclose(table.frame[f"{column}_accuracy{suffix}"], want, rtol=1e-14)
        np.testing.assert_allclose(table.frame[f"training_seconds{suffix}"], 2.5 * epochs)
    np.testing.assert_allclose(table.frame.flops_millions, [15.25, 16.25, 17.25])
    np.testing.assert_allclose(table.frame.params_millions, [0.5, 1.5, 2.5])


def test_folder_of_one_file_an_architecture(tmp_path) -> None:
    folder = writer.write_folder(tmp_path / "NATS-tss-v1_0-3ffb9-simple")
    assert detect(folder) == "nats_bench_folder"
    check(read_table(folder))


def test_the_folder_still_in_its_archive(tmp_path) -> None:
    folder = writer.write_folder(tmp_path / "NATS-tss-v1_0-3ffb9-simple")
    archive = tmp_path / "simple.tar"
    with tarfile.open(archive, "w") as out:
        out.add(folder, folder.name)
    assert detect(archive) == "nats_bench_folder"
    in_folder = read_table(folder).frame.set_index("architecture")
    in_archive = read_table(archive).frame.set_index("architecture")
    pd.testing.assert_frame_equal(in_archive.loc[in_folder.index], in_folder)


def test_full_folder_with_weights(tmp_path) -> None:
    weights = OrderedDict(weight=torch.randn(64, 64), steps=torch.tensor(3), array=np.ones((50, 50)))
    check(read_table(writer.write_folder(tmp_path / "full", weights)))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_one_compressed_pickle(tmp_path, protocol) -> None:
    path = writer.write_compressed(
        writer.everything(writer.NATS), tmp_path / "NATS-tss-v1_0-3ffb9.pickle.pbz2", protocol
    )
    assert detect(path) == "nats_bench_pickle"
    check(read_table(path))


@pytest.mark.parametrize("zipped", [False, True], ids=["legacy", "zip"])
def test_files_by_torch(tmp_path, zipped) -> None:
    path = tmp_path / "NAS-Bench-201-v1_1-096897.pth"
    torch.save(writer.everything(writer.FIRST), path, _use_new_zipfile_serialization=zipped)
    assert detect(path) == "nasbench201_torch"
    check(read_table(path))


@pytest.mark.parametrize("count", [1, 2])
def test_a_file_of_few_architectures(tmp_path, count) -> None:
    # A pickle writes a single item, or the last one after full batches, without marking its end.
    path = writer.write_compressed(writer.everything(writer.NATS, count), tmp_path / "x.pickle.pbz2")
    assert read_table(path).frame.architecture.tolist() == writer.ARCHITECTURES[:count]


def test_batches_of_the_pickle_writer_do_not_matter(tmp_path) -> None:
    # Items come in batches of 1,000; with 1,001 the last one has no batch of its own.
    content = {"meta_archs": [], "arch2infos": {}, "evaluated_indexes": []}
    for index in range(1001):
        trial = {"epochs": 1, "flop": 1.0, "params": 1.0, "eval_acc1es": {"ori-test@0": index / 20}}
        state = {
            "arch_str": "|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|".format(
                *(OPERATIONS[index // 5**i % 5] for i in range(6))
            ),
            "all_results": {("cifar10", 777): trial},
            "dataset_seed": {"cifar10": [777]},
        }
        content["arch2infos"][index] = {"12": state, "200": state}
    table = read_table(writer.write_compressed(content, tmp_path / "x.pickle.pbz2"))
    assert len(table.frame) == 1001
    np.testing.assert_allclose(table.frame.cifar10_test_accuracy, np.arange(1001) / 20)


def test_a_damaged_member_is_named_and_skipped(tmp_path) -> None:
    folder = writer.write_folder(tmp_path / "simple")
    member = folder / "000001.pickle.pbz2"
    member.write_bytes(member.read_bytes()[:300])
    with pytest.raises(InputError, match=r"simple, row 000001\.pickle\.pbz2: .*(damaged|cut off)"):
        read_table(folder)
    table = read_table(folder, on_error="skip")
    assert table.frame.architecture.tolist() == [writer.ARCHITECTURES[0], writer.ARCHITECTURES[2]]
    assert table.rows_read == 3


def test_other_nesting_is_named(tmp_path) -> None:
    content = writer.everything(writer.NATS)
    del content["arch2infos"][1]["200"]["all_results"][("cifar10", 888)]
    path = writer.write_compressed(content, tmp_path / "x.pickle.pbz2")
    with pytest.raises(InputError, match=r"row 1: not nested as published: KeyError"):
        read_table(path)
    assert len(read_table(path, on_error="skip").frame) == 2


def test_a_pickle_of_something_else(tmp_path) -> None:
    with pytest.raises(InputError, match="no 'arch2infos'"):
        read_table(writer.write_compressed([1, 2], tmp_path / "x.pickle.pbz2"))
