"""States come back bit for bit, and damage is noticed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from contrastive_nas.checkpoints import Checkpoints


def assert_same(left: Any, right: Any) -> None:
    assert type(left) is type(right)
    if isinstance(left, dict):
        assert list(left) == list(right)
        for key in left:
            assert_same(left[key], right[key])
    elif isinstance(left, list | tuple):
        assert len(left) == len(right)
        for one, other in zip(left, right, strict=True):
            assert_same(one, other)
    elif isinstance(left, torch.Tensor):
        assert left.dtype == right.dtype
        assert torch.equal(left, right)
    elif isinstance(left, np.ndarray):
        assert left.dtype == right.dtype
        np.testing.assert_array_equal(left, right)
    else:
        assert left == right


STATES = {
    "plain": {"step": 3, "names": ["a", ("b", None, True)], 7: 0.1 + 0.2, "large": 2**200, "empty": {}},
    "arrays": {
        "float": np.linspace(0, 1, 7),
        "point": np.array(3, dtype=np.uint16),
        "number": np.float32(0.1),
        "strided": np.arange(12).reshape(3, 4).T,
        "none": np.zeros((0, 3), dtype=np.int8),
        "truth": np.array([True, False]),
    },
    "tensors": {
        "half": torch.arange(3, dtype=torch.bfloat16),
        "point": torch.tensor(2.5),
        "view": torch.arange(10)[::2],
        "array": np.arange(3),
    },
}


@pytest.mark.parametrize("name", STATES)
def test_a_state_comes_back_as_it_was(name: str, tmp_path: Path) -> None:
    Checkpoints(tmp_path).save(STATES[name], name)
    assert_same(Checkpoints(tmp_path).load(name), STATES[name])


def test_training_goes_on_bit_for_bit(tmp_path: Path) -> None:
    def trained(steps: int, checkpoints: Checkpoints) -> tuple[torch.Tensor, float]:
        torch.manual_seed(5)
        rng = np.random.default_rng(5)
        model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Dropout(0.5), torch.nn.Linear(4, 1))
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
        start = 0
        if (state := checkpoints.load()) is not None:
            model.load_state_dict(state["model"])
            optimizer.load_state_dict(state["optimizer"])
            torch.set_rng_state(state["torch"])
            rng.bit_generator.state = state["numpy"]
            start = state["step"]
        for _ in range(start, steps):
            batch = torch.from_numpy(rng.normal(size=(8, 4))).float()
            optimizer.zero_grad()
            model(batch).square().mean().backward()
            optimizer.step()
        checkpoints.save(
            {
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "torch": torch.get_rng_state(),
                "numpy": rng.bit_generator.state,
                "step": steps,
            }
        )
        return model[0].weight.detach(), float(rng.random())

    whole = trained(9, Checkpoints(None))
    trained(4, Checkpoints(tmp_path))
    resumed = trained(9, Checkpoints(tmp_path))
    assert torch.equal(whole[0], resumed[0])
    assert whole[1] == resumed[1]


def test_damage_is_noticed_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save({"weights": np.ones(100)})
    file = tmp_path / "state.safetensors"
    content = bytearray(file.read_bytes())
    content[-9] ^= 1
    file.write_bytes(content)
    assert checkpoints.load() is None
    assert "state.safetensors" in caplog.text
    file.write_bytes(content[:50])
    assert checkpoints.load() is None


def test_the_interval_is_kept(tmp_path: Path) -> None:
    calls: list[int] = []
    rare = Checkpoints(tmp_path / "rare", seconds=1000)
    rare.save_if_due(lambda: calls.append(1))
    assert not calls
    often = Checkpoints(tmp_path / "often", seconds=0)
    often.save_if_due(lambda: {"step": 1})
    assert often.load() == {"step": 1}


def test_parts_lie_apart_and_go_with_the_whole(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "work")
    checkpoints.part("first").save({"step": 1})
    assert checkpoints.part("second").load() is None
    assert checkpoints.part("first").load() == {"step": 1}
    checkpoints.remove()
    assert not (tmp_path / "work").exists()


def test_nothing_is_kept_without_a_folder() -> None:
    checkpoints = Checkpoints(None)
    checkpoints.save({"step": 1})
    assert checkpoints.part("a").load() is None


def test_what_is_not_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="object"):
        Checkpoints(tmp_path).save({"thing": object()})
    assert not list(tmp_path.iterdir())
