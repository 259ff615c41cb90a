"""Running a model over the graphs of a source."""

from dataclasses import dataclass

import numpy as np
from tests.ranking.sources import MemorySource, make_source

from contrastive_nas.ranking.encoder import embedding
from contrastive_nas.ranking.encoder.encoder import Encoder
from contrastive_nas.ranking.parameters import EncoderParameters


@dataclass
class Counting:
    """A source that notes which statistics are asked for, and has no table of them."""

    inner: MemorySource
    asked: list[int]

    def __len__(self) -> int:
        return len(self.inner)

    def statistics_of(self, rows):
        self.asked += rows.tolist()
        return self.inner.statistics_of(rows)

    def __getattr__(self, name: str):
        if name == "statistics":
            raise AssertionError("the whole table was read")
        return getattr(self.inner, name)


def test_statistics_are_read_by_rows_and_once_a_function(monkeypatch):
    """A store's table is a copy of gigabytes; it was made for every 512 graphs."""
    monkeypatch.setattr(embedding, "_GRAPHS_AT_ONCE", 7)
    inner = make_source(40)
    inner.function_ids = np.arange(40) // 2
    inner.statistics[1::2] = inner.statistics[::2]
    encoder = Encoder(EncoderParameters(), 3)
    encoder.fit_statistics(inner.statistics)
    source = Counting(inner, [])
    found = embedding.describe(encoder, source)
    assert source.asked == list(range(0, 40, 2))
    np.testing.assert_array_equal(found[:, :3], inner.statistics)
