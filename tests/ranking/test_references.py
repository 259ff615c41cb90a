"""A few networks of no known space are scored among random networks, by their size until there are labels."""

import numpy as np
import pytest

from contrastive_nas.errors import InputError
from contrastive_nas.ranking.rank import LEAST, rank_graphs
from contrastive_nas.ranking.references import NETWORKS, draw_references
from contrastive_nas.spaces import list_spaces, load_space


def test_the_same_networks_of_every_space() -> None:
    first, second = draw_references(), draw_references()
    assert first.spaces == tuple(list_spaces())
    assert len(first.graphs) == NETWORKS * len(first.spaces)
    for one, other in zip(first.graphs, second.graphs, strict=True):
        np.testing.assert_array_equal(one.edges, other.edges)


def test_lists_of_one_space_are_ordered_by_size() -> None:
    space = load_space("nasbench201")
    names = space.sample(np.random.default_rng(1), LEAST - 1)
    graphs = [space.graph(architecture) for architecture in names]
    table = rank_graphs(names, graphs)
    assert set(table["network"]) == set(names)
    assert table.attrs["references"].startswith(f"{NETWORKS * len(list_spaces())} random networks")
    assert table.attrs["by_size"]
    larger = table["macs"].rank() + table["parameters"].rank()
    assert table["score"].corr(larger, method="spearman") > 0.9
    # The order of others does not hang on who else is listed.
    fewer = rank_graphs(names[:3], graphs[:3])["network"].tolist()
    assert fewer == [found for found in table["network"] if found in names[:3]]


def test_one_network_has_no_rank() -> None:
    space = load_space("compact_cnn")
    (name,) = space.sample(np.random.default_rng(1), 1)
    with pytest.raises(InputError, match="at least two networks are needed, got 1"):
        rank_graphs([name], [space.graph(name)])
