"""How many architectures a policy samples and has judged per second.

    python benchmarks/policy_speed.py --output benchmarks/results/policy_speed.csv

A fresh ranker is fitted to random labels, then a new policy takes steps of the curriculum search, as in
one round: fit, sampling, decoding, graphs and statistics of what was not seen before, winning probabilities,
the update. In the first round nothing has been seen before. Loading libraries does not count.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from contrastive_nas.evaluators.base import Evaluation
from contrastive_nas.files import atomic_path
from contrastive_nas.ranking.space_ranker import create_space_ranker
from contrastive_nas.search.parameters import CurriculumParameters, SearchParameters
from contrastive_nas.search.strategies.base import Setting
from contrastive_nas.search.strategies.curriculum import Curriculum
from contrastive_nas.spaces import load_space

LABELS = 60
ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spaces", nargs="+", default=["nasbench201", "mobilenet_v3"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", required=True, type=Path, help="CSV file")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    # The first optimiser of a process loads torch's compiler.
    torch.optim.Adam([torch.zeros(1)])
    rows = [row | {"threads": arguments.threads} for name in arguments.spaces for row in measure(name)]
    results = pd.DataFrame(rows)
    with atomic_path(arguments.output) as path:
        results.to_csv(path, index=False)
    print(results.to_string(index=False))


def measure(name: str) -> list[dict[str, Any]]:
    """One row per round of a search."""
    space = load_space(name)
    rng = np.random.default_rng(0)
    parameters = SearchParameters(strategy="curriculum", curriculum=CurriculumParameters())
    ranker = create_space_ranker("gaussian_process", space, seed=0)
    strategy = Curriculum(Setting(space, rng, parameters, ranker))
    sampled = parameters.curriculum.steps * parameters.curriculum.samples
    rows = []
    for round in range(1, ROUNDS + 1):
        names = list(dict.fromkeys(space.sample(rng, LABELS)))
        accuracies = rng.normal(size=len(names)).tolist()
        strategy.tell([Evaluation(*pair, "looked_up") for pair in zip(names, accuracies, strict=True)])
        wall, processor = time.perf_counter(), time.process_time()
        strategy.ask(1)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        rows.append(
            {
                "space": name,
                "round": round,
                "sampled": sampled,
                "wall_seconds": round_to(wall),
                "processor_seconds": round_to(processor),
                "per_wall_second": int(sampled / wall),
                "per_processor_second": int(sampled / processor),
            }
        )
    return rows


def round_to(seconds: float) -> float:
    return float(f"{seconds:.3g}")


if __name__ == "__main__":
    main()
