import numpy as np
import pytest
import torch
from tests.graphs.random_graphs import random_graph

from contrastive_nas.graphs.builder import GraphBuilder
from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import GraphBatch
from contrastive_nas.graphs.statistics.network import STATISTICS, statistics
from contrastive_nas.graphs.statistics.signal import propagate_signal, relu_covariance
from contrastive_nas.graphs.statistics.sweep import Sweep


def signal_of(builder):
    batch = GraphBatch.from_graphs([builder.graph()])
    sweep = Sweep.of(batch.edges, len(batch.type_ids))
    return propagate_signal(batch, sweep), sweep


@pytest.mark.parametrize("correlation", [-0.5, 0.0, 0.3, 0.9])
def test_relu_formula_agrees_with_sampling(correlation):
    generator = torch.Generator().manual_seed(0)
    first, other = torch.randn(2, 1_000_000, generator=generator, dtype=torch.float64)
    second = correlation * first + np.sqrt(1 - correlation**2) * other
    sampled = (first.relu() * second.relu()).mean().item()
    assert relu_covariance(np.array([[correlation]]), np.ones((1, 1)))[0, 0] == pytest.approx(
        sampled, abs=3e-3
    )


def test_sizes_agree_with_a_real_network_of_random_weights():
    """Two norm-relu-conv units beside an identity: variances of the graph against those of tensors."""
    builder = GraphBuilder((64, 16, 16))
    normed = builder.batch_norm(builder.conv(builder.input, 64, 1))
    unit = builder.batch_norm(builder.conv(builder.relu(normed), 64, 1))
    total = builder.add(unit, normed)
    rectified = builder.relu(total)
    last = builder.batch_norm(builder.conv(rectified, 64, 1))
    builder.output(last)
    signal, _ = signal_of(builder)

    torch.manual_seed(0)

    def conv_norm(x):
        x = torch.nn.functional.conv2d(x, torch.randn(64, 64, 1, 1) / 8)
        return torch.nn.functional.batch_norm(x, None, None, training=True)

    x = conv_norm(torch.randn(32, 64, 16, 16))
    y = x + conv_norm(x.relu())
    assert signal.moments[total, 0] == pytest.approx(y.square().mean().item(), rel=0.05)
    assert signal.moments[rectified, 0] == pytest.approx(y.relu().square().mean().item(), rel=0.05)
    assert signal.moments[last, 0] == pytest.approx(1)
    np.testing.assert_allclose(signal.share[[unit, normed]], [0.5, 1.0])


def test_relu_and_norm_amplify_gradients_by_the_published_factor():
    """pi / (pi - 1) per unit of ReLU, convolution and norm: Yang et al. 2019."""
    builder = GraphBuilder((8, 8, 8))
    x = start = builder.batch_norm(builder.conv(builder.input, 8, 3))
    for _ in range(5):
        x = builder.batch_norm(builder.conv(builder.relu(x), 8, 3))
    builder.output(x)
    signal, _ = signal_of(builder)
    assert signal.gradient[start] == pytest.approx((np.pi / (np.pi - 1)) ** 5, rel=1e-6)


def test_average_pooling_smooths_and_a_dead_branch_brings_nothing():
    builder = GraphBuilder((8, 8, 8))
    x = builder.batch_norm(builder.conv(builder.input, 8, 3))
    pooled = builder.pool(Operation.AVG_POOL, x, 3, stride=1, padding=1)
    dead = builder.unary(Operation.ZERO, x)
    builder.output(builder.add(pooled, dead))
    signal, sweep = signal_of(builder)
    moments = signal.moments
    assert moments[pooled, 0] < moments[x, 0]
    assert moments[pooled, 1] / moments[pooled, 0] > moments[x, 1] / moments[x, 0]
    assert signal.gradient[dead] == 1
    assert signal.share[dead] == pytest.approx(0, abs=1e-6)
    assert signal.portions[sweep.sources == pooled] == pytest.approx(1)


def test_portions_of_a_target_add_up_to_one_and_everything_is_finite():
    rng = np.random.default_rng(0)
    batch = GraphBatch.from_graphs(random_graph(rng, 25) for _ in range(10))
    sweep = Sweep.of(batch.edges, len(batch.type_ids))
    signal = propagate_signal(batch, sweep)
    np.testing.assert_allclose(np.add.reduceat(signal.portions, sweep.starts), 1)
    values = statistics(batch)
    assert values.shape == (10, len(STATISTICS))
    assert len(set(STATISTICS)) == len(STATISTICS)
    assert np.isfinite(values).all()


def test_statistics_do_not_depend_on_the_rest_of_the_batch():
    rng = np.random.default_rng(1)
    batch = GraphBatch.from_graphs(random_graph(rng, 20) for _ in range(6))
    alone = np.concatenate([statistics(batch.take(np.array([number]))) for number in range(6)])
    np.testing.assert_allclose(statistics(batch), alone, rtol=1e-4, atol=1e-4)
