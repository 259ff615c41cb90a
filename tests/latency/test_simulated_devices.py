"""What networks execute, and the devices that are made up."""

import numpy as np
import pytest

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.costs import graph_multiply_accumulates, multiply_accumulates
from contrastive_nas.latency.simulated import SimulatedDevices, count_work
from contrastive_nas.spaces import load_space

DEAD = "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"
NOTHING = "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"


@pytest.mark.parametrize("name", ["nasbench201", "mobilenet_v3", "compact_cnn"])
def test_operations_are_counted_whole(name: str) -> None:
    space = load_space(name)
    networks = space.sample(np.random.default_rng(0), 600)
    work = count_work(space, networks)
    graphs = space.graphs(networks)
    np.testing.assert_array_equal(work.counts.sum(axis=1), np.diff(graphs.node_offsets))
    macs = work.counts @ multiply_accumulates(work.operations)
    np.testing.assert_array_equal(macs, graph_multiply_accumulates(graphs))


def test_what_changes_no_result_is_not_live() -> None:
    work = count_work(load_space("nasbench201"), [DEAD, NOTHING])
    macs = multiply_accumulates(work.operations)
    live, written = work.live @ macs, work.counts @ macs
    assert written[0] > written[1]
    assert live[0] == live[1] == written[1]


def test_scores_have_the_covariance_of_the_devices() -> None:
    space = load_space("nasbench201")
    work = count_work(space, space.sample(np.random.default_rng(1), 200))
    simulated = SimulatedDevices(work)
    scores = simulated.describe(work)
    assert np.abs(scores.mean(axis=0)).max() < 1e-9
    spread = np.sqrt(np.square(scores).sum(axis=1).mean())
    # Networks of one space differ by tens of percent, on any device.
    assert 0.1 < spread < 1.5


def test_description_does_not_depend_on_company() -> None:
    space = load_space("nasbench201")
    networks = space.sample(np.random.default_rng(2), 50)
    simulated = SimulatedDevices(count_work(space, networks))
    together = simulated.describe(count_work(space, networks))
    alone = simulated.describe(count_work(space, networks[7:8]))
    np.testing.assert_allclose(alone[0], together[7], atol=1e-9)


def test_a_string_outside_the_space_is_refused() -> None:
    with pytest.raises(InputError, match="nasbench201"):
        count_work(load_space("nasbench201"), ["|conv~0|"])
