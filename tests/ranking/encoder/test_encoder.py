import numpy as np
import pytest
import torch
from tests.graphs.random_graphs import random_graph

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.layers import find_layers
from contrastive_nas.graphs.schema import ComputationGraph, GraphBatch
from contrastive_nas.ranking.encoder.encoder import Encoder
from contrastive_nas.ranking.parameters import EncoderParameters


def batch_of(count, seed=0):
    return GraphBatch.from_graphs(
        random_graph(np.random.default_rng(seed + number), 20) for number in range(count)
    )


def make_encoder(statistics=0, **changes):
    torch.manual_seed(0)
    return Encoder(EncoderParameters(width=8, rounds=3, embedding=6, **changes), statistics).eval()


def layer_by_layer(encoder: Encoder, graph: ComputationGraph) -> torch.Tensor:
    """The encoder's formula on one graph, without sparse matrices and other graphs."""
    found = find_layers(GraphBatch.from_graphs([graph]))
    belongs = torch.nn.functional.one_hot(torch.from_numpy(found.of_nodes)).T.float()
    feeds = torch.zeros(len(found), len(found))
    np.add.at(feeds.numpy(), (found.edges[1], found.edges[0]), 1)
    degrees = torch.stack([feeds.sum(1), feeds.sum(0)], 1)
    features = torch.as_tensor(graph.features.astype(np.float32))
    nodes = encoder.operation(features[:, 0].long()) + encoder.size(torch.log1p(features[:, 1:]) / 4)
    layers = belongs @ nodes + encoder.degree(torch.log1p(degrees) / 4)
    start = layers
    for number, message in enumerate(encoder.messages):
        heard = feeds if number % 2 == 0 else feeds.T
        layers = torch.relu(message(layers + heard @ layers / heard.sum(1, keepdim=True).clamp_min(1)))
    return encoder.readout(torch.cat([start.mean(0), layers.mean(0)]))


def test_graphs_together_are_encoded_as_one_by_one_from_the_formula():
    encoder, batch = make_encoder(), batch_of(12)
    result = encoder(encoder.prepare(batch))
    expected = torch.stack([layer_by_layer(encoder, graph) for graph in batch])
    assert result.shape == (12, 6)
    torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-4)


def test_gradients_of_both_engines_agree():
    pytest.importorskip("dgl")
    batch, gradients = batch_of(6), {}
    for engine in ("torch", "dgl"):
        encoder = make_encoder(engine=engine)
        encoder(encoder.prepare(batch)).square().sum().backward()
        gradients[engine] = [weights.grad for weights in encoder.parameters()]
    for first, second in zip(*gradients.values(), strict=True):
        torch.testing.assert_close(first, second, rtol=1e-4, atol=1e-5)


def test_numbering_of_nodes_does_not_matter():
    graph = random_graph(np.random.default_rng(3), 20)
    order = np.random.default_rng(0).permutation(len(graph))
    place = np.argsort(order)
    shuffled = ComputationGraph(graph.features[order], place[graph.edges].astype(np.int32))
    encoder = make_encoder()
    result = encoder(encoder.prepare(GraphBatch.from_graphs([graph, shuffled])))
    torch.testing.assert_close(result[0], result[1], rtol=1e-5, atol=1e-5)


def test_other_graphs_of_the_batch_do_not_matter():
    encoder, batch = make_encoder(), batch_of(8)
    together = encoder(encoder.prepare(batch))
    alone = torch.cat([encoder(encoder.prepare(batch.take(np.array([number])))) for number in range(8)])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_direction_of_the_data_flow_matters():
    graph = random_graph(np.random.default_rng(4), 20)
    reverse = ComputationGraph(graph.features, graph.edges[::-1].copy())
    encoder = make_encoder()
    result = encoder(encoder.prepare(GraphBatch.from_graphs([graph, reverse])))
    assert (result[0] - result[1]).abs().max() > 1e-3


def test_same_input_gives_the_same_bits():
    encoder, batch = make_encoder(), batch_of(8)
    assert torch.equal(encoder(encoder.prepare(batch)), encoder(encoder.prepare(batch)))


def test_statistics_are_scaled_and_change_the_embedding():
    encoder, batch = make_encoder(statistics=2), batch_of(4)
    values = np.array([[1e6, 1], [2e6, 1], [3e6, 1], [4e6, 1]], np.float32)
    encoder.fit_statistics(values)
    result = encoder(encoder.prepare(batch, values))
    other = encoder(encoder.prepare(batch, values[::-1].copy()))
    assert torch.isfinite(result).all()
    assert (result - other).abs().max() > 1e-3


def test_missing_statistics_are_one_clear_error():
    with pytest.raises(InputError, match="the encoder reads 2 each"):
        make_encoder(statistics=2).prepare(batch_of(3))


def test_operations_outside_the_vocabulary_are_unknown():
    graph = random_graph(np.random.default_rng(5), 20)
    strange, unknown = graph.features.copy(), graph.features.copy()
    strange[2, 0], unknown[2, 0] = 250, 0
    encoder = make_encoder()
    batch = GraphBatch.from_graphs([ComputationGraph(rows, graph.edges) for rows in (strange, unknown)])
    result = encoder(encoder.prepare(batch))
    torch.testing.assert_close(result[0], result[1])
