import json
import struct

import numpy as np
import pytest
import torch
from tests.graphs.random_graphs import random_graph

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.schema import GraphBatch
from contrastive_nas.ranking.comparator.comparator import (
    Comparator,
    ComparatorShape,
    load_comparator,
    save_comparator,
    win_probability,
)
from contrastive_nas.ranking.encoder.encoder import Encoder
from contrastive_nas.ranking.encoder.weights import load_encoder, save_encoder
from contrastive_nas.ranking.gaussian_process.kernel import View
from contrastive_nas.ranking.parameters import EncoderParameters


def make_comparator():
    torch.manual_seed(1)
    encoder = Encoder(EncoderParameters(width=8, rounds=2, embedding=6))
    comparator = Comparator(encoder, ComparatorShape((View("matern", 4), View("linear", 2)), support=7))
    comparator.columns = torch.tensor([0, 2, 300, 515, 0, 2])
    comparator.support, comparator.weights = torch.randn(7, 6), torch.randn(7)
    return comparator.eval()


@pytest.fixture
def batch():
    return GraphBatch.from_graphs(random_graph(np.random.default_rng(number), 20) for number in range(5))


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_both_directions_add_up_to_exactly_one(kind):
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(2, 100_000, generator=generator, dtype=kind) * 10
    forward, backward = win_probability(scores[0], scores[1]), win_probability(scores[1], scores[0])
    assert torch.equal(forward + backward, torch.ones_like(forward))
    assert torch.equal(forward > 0.5, scores[0] > scores[1])
    assert win_probability(scores[0], scores[0]).eq(0.5).all()


def test_scores_are_the_formula(batch):
    comparator = make_comparator()
    comparator.temperature = torch.tensor(2.0)
    graphs = comparator.encoder.prepare(batch)
    points = comparator.encoder.describe(graphs)[:, comparator.columns]
    expected = []
    for point in points:
        total = 0.0
        for weight, other in zip(comparator.weights, comparator.support, strict=True):
            r = 5**0.5 * (point[:4] - other[:4]).square().mean().sqrt()
            total += weight * ((1 + r + r**2 / 3) * torch.exp(-r) + (point[4:] * other[4:]).mean())
        expected.append(total / 2)
    torch.testing.assert_close(comparator(graphs), torch.stack(expected), rtol=1e-4, atol=1e-4)


def test_weights_come_back_bit_for_bit(batch, tmp_path):
    comparator = make_comparator()
    save_comparator(comparator, tmp_path / "first.safetensors")
    loaded = load_comparator(tmp_path / "first.safetensors")
    save_comparator(loaded, tmp_path / "second.safetensors")
    graphs = comparator.encoder.prepare(batch)
    assert torch.equal(comparator(graphs), loaded(graphs))
    assert (tmp_path / "first.safetensors").read_bytes() == (tmp_path / "second.safetensors").read_bytes()
    save_encoder(comparator.encoder, tmp_path / "encoder.safetensors")
    assert torch.equal(load_encoder(tmp_path / "encoder.safetensors")(graphs), comparator.encoder(graphs))


def test_files_of_other_kinds_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_comparator(tmp_path / "absent")
    (tmp_path / "text").write_text("weights")
    with pytest.raises(InputError, match="not a file of weights of this project"):
        load_comparator(tmp_path / "text")
    save_encoder(make_comparator().encoder, tmp_path / "encoder")
    with pytest.raises(InputError, match="holds encoder weights, not those of a comparator"):
        load_comparator(tmp_path / "encoder")


def test_weights_for_another_vocabulary_are_refused(tmp_path):
    save_comparator(make_comparator(), tmp_path / "weights")
    change_header(tmp_path / "weights", lambda header: header["vocabulary"].update(CONV=99))
    with pytest.raises(InputError, match="another vocabulary, CONV"):
        load_comparator(tmp_path / "weights")


def test_weights_of_another_schema_are_refused(tmp_path):
    save_comparator(make_comparator(), tmp_path / "weights")
    change_header(tmp_path / "weights", lambda header: header.update(schema_version=7))
    with pytest.raises(InputError, match="schema version 7"):
        load_comparator(tmp_path / "weights")


def change_header(path, change):
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    outer = json.loads(content[8 : 8 + length])
    inner = json.loads(outer["__metadata__"]["contrastive_nas"])
    change(inner)
    outer["__metadata__"]["contrastive_nas"] = json.dumps(inner)
    text = json.dumps(outer).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])
