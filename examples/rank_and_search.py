"""The whole idea on one page: networks as graphs, ranked untrained, and a search that trains few.

    python examples/rank_and_search.py

Nothing is downloaded. The networks are cells of NAS-Bench-201's space in a small network; the images are
scikit-learn's handwritten digits. Read it from top to bottom; every step prints what it found.

1. A space describes networks by strings, and builds them.
2. Every network is a computation graph, whether it is traced from a module or composed by its space: equal
   functions have equal hashes. That is what makes spaces comparable.
3. What labelled spaces taught ranks the networks of a new space without one of its labels.
4. A few trainings correct that ranking.
5. A search does both in turns: it trains what is promising, learns from it, and asks again. Random search
   with as many trainings stands beside it.
"""

import argparse
from collections.abc import Callable

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from contrastive_nas import SearchParameters, load_space, rank, run_search, trace
from contrastive_nas.graphs import function_hash
from contrastive_nas.ranking.metrics import kendall_tau
from contrastive_nas.spaces.base import SearchSpace
from contrastive_nas.spaces.wrapped.pool import Pool

# Images of 8 x 8 pixels; two thirds are trained on, the others are split into validation and test.
TRAINED, VALIDATED = 1200, 300
BATCH = 64
# Adam's usual rate is too timid for so few epochs.
RATE = 5e-3


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(1)
    space = make_space(arguments.networks, arguments.seed)
    names = list(space.enumerate())
    show_graphs(space, names[0])
    accuracy = Trainings(space, arguments.epochs)
    without_labels(space, names, accuracy, arguments.trained)
    with_labels(space, names, accuracy, arguments.trained)
    search(space, accuracy, arguments.queries, arguments.seed)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", type=int, default=400, help="size of the pool that is searched")
    parser.add_argument("--trained", type=int, default=16, help="networks that are trained to judge rankings")
    parser.add_argument("--queries", type=int, default=20, help="trainings that a search may pay for")
    parser.add_argument("--epochs", type=int, default=4, help="of every training")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


# 1. A space, and a part of it that is small enough for a page.


def make_space(networks: int, seed: int) -> SearchSpace:
    """Random cells of NAS-Bench-201's space, in a network of three cells for grey images."""
    whole = load_space("nasbench201", channels=8, cells=1, input_shape=(1, 8, 8))
    drawn = whole.sample(np.random.default_rng(seed), 2 * networks)
    space = Pool(whole, list(dict.fromkeys(drawn))[:networks])
    print(f"1. {space}")
    return space


# 2. Networks as graphs.


def show_graphs(space: SearchSpace, architecture: str) -> None:
    """A traced module and the graph that its space composes without building it are the same."""
    module = space.build(architecture)
    traced, composed = trace(module, space.input_shape), space.graph(architecture)
    same = function_hash(traced) == function_hash(composed)
    parameters = sum(weight.numel() for weight in module.parameters())
    print(f"2. {architecture}")
    print(f"   {traced}, {parameters} parameters; the composed graph is {'the same' if same else 'another'}")


# What training costs: here seconds, elsewhere days. Each network is trained once, whoever asks.


class Trainings:
    """Validation accuracies of networks, in percent; counts what was really trained."""

    def __init__(self, space: SearchSpace, epochs: int) -> None:
        self._space, self._epochs = space, epochs
        images, labels = load_digits(return_X_y=True)
        # The last images are those of other writers; mixed, validation and test are alike.
        order = np.random.default_rng(0).permutation(len(labels))
        self._images = torch.tensor(images[order] / 8 - 1, dtype=torch.float32).reshape(-1, 1, 8, 8)
        self._labels = torch.tensor(labels[order])
        self.known: dict[str, tuple[float, float]] = {}

    def __call__(self, architecture: str) -> float:
        """Validation accuracy, which choices are made by."""
        return self._scores(architecture)[0]

    def test(self, architecture: str) -> float:
        """Test accuracy, which is reported and never chosen by."""
        return self._scores(architecture)[1]

    def _scores(self, architecture: str) -> tuple[float, float]:
        if architecture not in self.known:
            with torch.random.fork_rng():
                torch.manual_seed(0)
                network = self._space.build(architecture)
                self._train(network)
            valid = slice(TRAINED, TRAINED + VALIDATED)
            test = slice(TRAINED + VALIDATED, None)
            self.known[architecture] = self._accuracy(network, valid), self._accuracy(network, test)
        return self.known[architecture]

    def _train(self, network: nn.Module) -> None:
        steps = self._epochs * (TRAINED // BATCH)
        optimiser = torch.optim.Adam(network.parameters(), RATE)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
        for step in range(steps):
            if step % (TRAINED // BATCH) == 0:
                order = torch.randperm(TRAINED)
            rows = order[step * BATCH % (TRAINED - BATCH) :][:BATCH]
            loss = nn.functional.cross_entropy(network(self._images[rows]), self._labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()

    def _accuracy(self, network: nn.Module, rows: slice) -> float:
        network.eval()
        with torch.inference_mode():
            right = network(self._images[rows]).argmax(1) == self._labels[rows]
        return 100 * right.double().mean().item()


# 3. and 4. Rankings, judged on a few networks that are trained for that.


def without_labels(space: SearchSpace, names: list[str], accuracy: Trainings, trained: int) -> None:
    """What labelled spaces taught, on networks that nobody has trained."""
    table = rank(space, names).set_index("architecture")
    judged = names[:trained]
    tau = kendall_tau(table.loc[judged, "score"].to_numpy(), accuracies(accuracy, judged))
    best, chance = table.index[0], table.loc[table.index[0], "win_probability"]
    print(f"3. first without a label: {best}, which beats another with probability {chance:.2f}")
    print(f"   Kendall's tau with {trained} trainings: {tau:.2f}; similarity of labelled spaces:")
    print("   " + ", ".join(f"{name} {value:.2f}" for name, value in table.attrs["similarity"].items()))


def with_labels(space: SearchSpace, names: list[str], accuracy: Trainings, trained: int) -> None:
    """The same with the labels of half of the trained networks, judged on the other half."""
    known, judged = names[: trained // 2], names[trained // 2 : trained]
    labels = dict(zip(known, accuracies(accuracy, known).tolist(), strict=True))
    table = rank(space, names, labels=labels).set_index("architecture")
    tau = kendall_tau(table.loc[judged, "score"].to_numpy(), accuracies(accuracy, judged))
    print(f"4. with {len(known)} labels, tau with the other {len(judged)} trainings: {tau:.2f}")


def accuracies(accuracy: Callable[[str], float], names: list[str]) -> np.ndarray:
    """One per network, percent."""
    return np.array([accuracy(name) for name in names])


# 5. Search.


def search(space: SearchSpace, accuracy: Trainings, queries: int, seed: int) -> None:
    """Guided by what other spaces taught, and at random, with as many trainings; validation decides."""
    for strategy in ("default", "random"):
        parameters = SearchParameters(strategy=strategy, queries=queries, seed=seed)
        found = run_search(space, accuracy, parameters)
        print(
            f"5. {strategy} search, {len(found.history)} trainings: validation {found.best_accuracy:.2f} %, "
            f"test {accuracy.test(found.best_architecture):.2f} %, {found.best_architecture}"
        )
    print(f"   {len(accuracy.known)} different networks were trained in all")


if __name__ == "__main__":
    main()
