import pytest
import torch

from contrastive_nas.devices import pick_device
from contrastive_nas.errors import InputError


def test_auto_takes_cuda_where_it_is(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device("auto") == torch.device("cuda")
    assert pick_device("cuda") == torch.device("cuda")


def test_auto_takes_the_cpu_elsewhere(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto") == torch.device("cpu")
    with pytest.raises(InputError, match="no CUDA device"):
        pick_device("cuda")


def test_stand_in_and_unknown_devices():
    assert pick_device("meta").type == "meta"
    with pytest.raises(InputError, match="'gpu' is unknown"):
        pick_device("gpu")
