"""What comes pretrained with the package fits the program that it comes with."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from contrastive_nas.graphs.canonical_form.canonical import canonical_batch
from contrastive_nas.graphs.statistics.network import STATISTICS, statistics
from contrastive_nas.ranking.encoder.embedding import embed
from contrastive_nas.ranking.encoder.features import RELEASED_ENCODER
from contrastive_nas.ranking.encoder.weights import load_encoder
from contrastive_nas.ranking.graph_source import SpaceSource
from contrastive_nas.ranking.metrics import spearman_rho
from contrastive_nas.ranking.transfer.space_scale import SpaceScale
from contrastive_nas.ranking.transfer.weights import RELEASED, load_transfer
from contrastive_nas.spaces import load_space

TABLE = Path(__file__).parents[3] / "data/01_raw/compact_cnn_digits.parquet"


def test_it_is_small_and_has_a_card() -> None:
    model = load_transfer()
    assert RELEASED.stat().st_size < 3e6
    assert model.correlations.shape == (len(model.spaces), len(STATISTICS), len(STATISTICS))
    card = (RELEASED.parent / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert all(f"`{space}`" in card for space in model.spaces)


def test_the_encoder_tells_spaces_apart_that_it_was_pretrained_on() -> None:
    assert RELEASED_ENCODER.stat().st_size < 1e6
    encoder, found = load_encoder(RELEASED_ENCODER), []
    for name in ("nasbench201", "mnasnet"):
        source = SpaceSource(space := load_space(name))
        rows = source.rows(space.sample(np.random.default_rng(0), 30))
        vectors = embed(encoder, source, rows)
        found.append(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    first, second = found
    alike = min(np.median(first @ first.T), np.median(second @ second.T))
    assert alike > np.median(first @ second.T) + 0.3


def test_it_knows_statistics_as_they_are_measured_now() -> None:
    """Measured anew, a space that it learned from is found to be that space."""
    table = pd.read_parquet(TABLE).iloc[::4]
    graphs = canonical_batch(load_space("compact_cnn").graphs(table["architecture"].tolist()))
    measured = statistics(graphs)
    scale, model = SpaceScale.of(measured), load_transfer()
    relations = dict(zip(model.spaces, model.relations(scale), strict=True))
    assert relations["compact_cnn"] > 0.98
    truth = table["digits_test_accuracy"].to_numpy()
    assert spearman_rho(model.scores(measured, scale), truth) == pytest.approx(0.75, abs=0.15)
