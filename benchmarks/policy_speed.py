"""How many architectures a policy samples and has judged per processor second.

    python benchmarks/policy_speed.py --space nasbench201 --steps 40 --samples 256

A fresh predictor is fitted to random labels, then a new policy takes steps of the curriculum search, as in
one round: sampling, decoding, graphs and statistics of what was not seen before, winning probabilities, the
update.
"""

import argparse
import time

import numpy as np
import torch

from contrastive_nas.evaluators.base import Evaluation
from contrastive_nas.learning.gaussian_predictor import GaussianPredictor
from contrastive_nas.search.curriculum import Curriculum
from contrastive_nas.search.parameters import SearchParameters
from contrastive_nas.search.strategy import Setting
from contrastive_nas.spaces import load_space

LABELS = 60


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--space", required=True, help="name, or file.py:Class")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--samples", type=int, default=256)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    space = load_space(arguments.space)
    rng = np.random.default_rng(0)
    settings = {"steps": arguments.steps, "samples": arguments.samples}
    parameters = SearchParameters(strategy="curriculum", curriculum=settings)
    strategy = Curriculum(Setting(space, rng, parameters, GaussianPredictor(space, seed=0)))
    names = list(dict.fromkeys(space.sample(rng, LABELS)))
    strategy.tell(
        [
            Evaluation(name, accuracy, "looked_up")
            for name, accuracy in zip(names, rng.normal(size=LABELS), strict=False)
        ]
    )
    for round in ("first round, nothing seen before", "second round"):
        start = time.process_time()
        strategy.ask(1)
        rate = arguments.steps * arguments.samples / (time.process_time() - start)
        print(f"{space.name}, {round}: {rate:.0f} architectures per processor second, fit included")


if __name__ == "__main__":
    main()
