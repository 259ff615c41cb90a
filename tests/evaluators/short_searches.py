"""Searches of a few trainings of seconds, for tests of who runs trainings."""

from pathlib import Path
from typing import Any

import pandas as pd

from contrastive_nas.evaluators.training import TrainingEvaluator
from contrastive_nas.search.parameters import SearchParameters
from contrastive_nas.search.run import run_search
from contrastive_nas.spaces import load_space

TINY: dict[str, Any] = {"epochs": 1, "schedule": {"warmup_epochs": 0}}
QUICK: dict[str, Any] = {"train_images": 300, "valid_images": 300, "overrides": TINY, "seeds": (0,)}
QUERIES = SearchParameters(strategy="random", queries=6, initial=2, batch=2)


def search(
    evaluator: TrainingEvaluator, seed: int, folder: Path | None = None, **changes: Any
) -> pd.DataFrame:
    """Of all that a search has found, what does not differ from run to run."""
    parameters = QUERIES.model_copy(update={"seed": seed, **changes})
    found = run_search(load_space("compact_cnn"), evaluator, parameters, folder=folder)
    return found.history.drop(columns="seconds")
