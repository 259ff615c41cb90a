"""Trained accuracies outlast the search that paid for them, and say the same as a training would."""

import json
import multiprocessing
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from contrastive_nas.errors import InputError
from contrastive_nas.evaluators.label_store import LabelStore
from contrastive_nas.evaluators.parameters import TrainingParameters
from contrastive_nas.evaluators.training import TrainingEvaluator
from contrastive_nas.search.parameters import SearchParameters
from contrastive_nas.search.run import run_search
from contrastive_nas.spaces import load_space
from contrastive_nas.training.short import ShortScore

IDENTITY = {"data": {"name": "x"}, "sizes": (1, 2)}
SCORE = ShortScore(90.1, 0.1 + 0.2, 1.5)
OTHER = ShortScore(80.0, 70.0, 2.5)
TINY: dict[str, Any] = {"epochs": 1, "schedule": {"warmup_epochs": 0}}
QUICK: dict[str, Any] = {"train_images": 300, "valid_images": 300, "overrides": TINY, "workers": 1}


def store(folder: Path, **changes: Any) -> LabelStore:
    return LabelStore(folder, "toy", IDENTITY | changes)


def test_what_was_kept_is_found_to_the_last_bit(tmp_path: Path) -> None:
    first = store(tmp_path / "labels")
    assert first.find("a", 0) is None
    assert not (tmp_path / "labels").exists()  # who only asks leaves nothing behind
    first.add("a", 0, SCORE)
    first.add("a", 1, OTHER)
    for one in (first, store(tmp_path / "labels")):
        assert (one.find("a", 0), one.find("a", 1), one.find("b", 0)) == (SCORE, OTHER, None)


def test_each_identity_has_its_own_labels(tmp_path: Path) -> None:
    store(tmp_path).add("a", 0, SCORE)
    assert store(tmp_path, sizes=(1, 3)).find("a", 0) is None
    store(tmp_path, sizes=(1, 3)).add("a", 0, OTHER)
    assert store(tmp_path).find("a", 0) == SCORE


def test_others_are_heard_while_they_work(tmp_path: Path) -> None:
    mine, theirs = store(tmp_path), store(tmp_path)
    mine.add("a", 0, SCORE)
    assert theirs.find("a", 0) == SCORE
    theirs.add("a", 0, OTHER)  # trained twice: the first one counts
    assert mine.find("a", 0) == store(tmp_path).find("a", 0) == SCORE


def test_a_training_without_a_test_accuracy_is_enough_for_who_wants_none(tmp_path: Path) -> None:
    untested = ShortScore(90.1, None, 1.5)
    first = store(tmp_path)
    first.add("a", 0, untested)
    for one in (first, store(tmp_path)):
        assert one.find("a", 0, tested=False) == untested
        assert one.find("a", 0) is None
    first.add("a", 0, SCORE)
    first.add("a", 0, OTHER)  # the first that has both counts
    for one in (first, store(tmp_path)):
        assert one.find("a", 0) == one.find("a", 0, tested=False) == SCORE


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_line_that_a_kill_left_unfinished(tmp_path: Path, cut: int) -> None:
    first = store(tmp_path)
    first.add("a", 0, SCORE)
    first.add("b", 0, SCORE)
    first.path.write_bytes(first.path.read_bytes()[:-cut])
    reader = store(tmp_path)
    assert (reader.find("a", 0), reader.find("b", 0)) == (SCORE, None)
    reader.add("c", 0, OTHER)
    for one in (reader, store(tmp_path)):
        # Without its line break alone a line is whole, and the next one ends it.
        found = SCORE if cut == 1 else None
        assert (one.find("a", 0), one.find("b", 0), one.find("c", 0)) == (SCORE, found, OTHER)


def test_a_header_that_a_kill_left_unfinished(tmp_path: Path) -> None:
    first = store(tmp_path)
    first.path.write_bytes(b'{"format": 1, "ident')
    first.add("a", 0, SCORE)
    assert store(tmp_path).find("a", 0) == SCORE


@pytest.mark.parametrize(
    "line",
    ["{", "[]", '{"architecture": "b"}', '{"architecture": "b", "seed": 0, "valid_accuracy": "x"}', "\u00ff"],
)
def test_a_damaged_line_is_left_out(tmp_path: Path, line: str, caplog: pytest.LogCaptureFixture) -> None:
    first = store(tmp_path)
    first.add("a", 0, SCORE)
    with first.path.open("ab") as stream:
        stream.write(line.encode("latin-1") + b"\n")
    first.add("c", 0, OTHER)
    found = store(tmp_path)
    assert (found.find("a", 0), found.find("b", 0), found.find("c", 0)) == (SCORE, None, OTHER)
    assert "line 3 is damaged and not used" in caplog.text


def test_another_file_under_its_name_is_refused(tmp_path: Path) -> None:
    path = store(tmp_path).path
    for content in ("no header\n", json.dumps({"format": 0}) + "\n"):
        path.write_text(content)
        with pytest.raises(InputError, match="is not a store of these labels"):
            store(tmp_path)


def add_many(folder: Path, first: int) -> None:
    own = store(folder)
    for number in range(first, first + 50):
        own.add(f"network {number} " + "x" * 3000, 0, ShortScore(float(number), 1.0, 1.0))


def test_processes_append_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=add_many, args=(tmp_path, 50 * n)) for n in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    found = store(tmp_path)
    assert len(found) == 200
    assert found.path.read_text().count("identity") == 1


def search(folder: Path | None, seed: int = 0, **changes: Any) -> pd.DataFrame:
    parameters = TrainingParameters(**{**QUICK, "seeds": (0,), **changes})
    queries = SearchParameters(strategy="random", queries=3, initial=1, batch=1, seed=seed)
    with TrainingEvaluator("compact_cnn", parameters, labels=folder) as evaluator:
        return run_search(load_space("compact_cnn"), evaluator, queries).history


def test_a_search_is_the_same_with_and_without_a_store(tmp_path: Path) -> None:
    without = search(None)
    first = search(tmp_path)
    again = search(tmp_path)
    pd.testing.assert_frame_equal(first.drop(columns="seconds"), without.drop(columns="seconds"))
    pd.testing.assert_frame_equal(again, first)  # with the seconds that it took then
    assert again["origin"].tolist() == ["trained"] * 3
    (file,) = tmp_path.iterdir()
    assert len(file.read_text().splitlines()) == 1 + 3


def test_a_store_answers_without_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = TrainingParameters(**QUICK, seeds=(0, 1))
    names = ["s4|plain:k1d1w4|plain:k1d1w4|plain:k1d1w4"]
    with TrainingEvaluator("compact_cnn", parameters, final_seeds=(7,), labels=tmp_path) as evaluator:
        (first,) = evaluator.evaluate(names)
        final = evaluator.final_accuracy(names[0])
    monkeypatch.setattr("contrastive_nas.evaluators.training.TrainingProcesses", None)
    with TrainingEvaluator("compact_cnn", parameters, final_seeds=(7,), labels=tmp_path) as evaluator:
        assert evaluator.evaluate(names) == [first]
        assert evaluator.final_accuracy(names[0]) == final
    # Other seeds, images or epochs are other labels.
    for changed in ({"seeds": (0, 2)}, {"seeds": (0,), "train_images": 299}):
        other = TrainingParameters(**{**QUICK, **changed})
        with (
            TrainingEvaluator("compact_cnn", other, labels=tmp_path) as evaluator,
            pytest.raises(TypeError),
        ):
            evaluator.evaluate(names)


def test_only_accuracies_are_kept(tmp_path: Path) -> None:
    divergent = {"epochs": 1, "schedule": {"warmup_epochs": 0}, "optimizer": {"learning_rate": 1e30}}
    parameters = TrainingParameters(**{**QUICK, "overrides": divergent}, seeds=(0,))
    with TrainingEvaluator("compact_cnn", parameters, labels=tmp_path) as evaluator:
        (answer,) = evaluator.evaluate(["s4|plain:k1d1w4|plain:k1d1w4|plain:k1d1w4"])
    assert "loss is" in answer.error
    assert not any(tmp_path.iterdir())


def test_images_that_changed_are_others(tmp_path: Path) -> None:
    file = tmp_path / "images.parquet"
    file.write_bytes(b"one")
    data = {"kind": "parquet", "name": "own", "train": str(file), "test": str(file)}

    def identity(path: Path = file) -> Any:
        changed = data | {"train": str(path), "test": str(path)}
        return TrainingEvaluator("compact_cnn", TrainingParameters(data=changed)).identity

    before = identity()
    moved = tmp_path / "elsewhere" / "images.parquet"
    moved.parent.mkdir()
    file.rename(moved)
    assert identity(moved) == before
    file.write_bytes(b"two")
    os.utime(file, ns=(1, 1))
    assert identity() != before
