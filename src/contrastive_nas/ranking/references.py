"""Random networks that a short list is seen beside, as few networks do not show how networks differ."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from contrastive_nas.graphs.schema import ComputationGraph
from contrastive_nas.spaces import list_spaces, load_space

# Of each space. With 16 and with 64 lists of three to twenty networks are ordered as well: docs/transfer.md.
NETWORKS = 32
# The same networks for every list, so that scores of different lists can be compared.
_SEED = 0


@dataclass(frozen=True, eq=False)
class References:
    """Networks of known spaces, none of them trained for this.

    Attributes:
        spaces: where they were drawn, as many from each.
        graphs: of all of them.
    """

    spaces: tuple[str, ...]
    graphs: Sequence[ComputationGraph]

    def in_words(self) -> str:
        """Return what they are, for people."""
        return f"{len(self.graphs)} random networks of the spaces {', '.join(self.spaces)}"


def draw_references() -> References:
    """Draw the networks, always the same ones; it takes some seconds."""
    spaces = {name: load_space(name) for name in list_spaces()}
    graphs = [
        space.graph(architecture)
        for space in spaces.values()
        for architecture in space.sample(np.random.default_rng(_SEED), NETWORKS)
    ]
    return References(tuple(spaces), graphs)
