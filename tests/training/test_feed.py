"""Batches from files: every image once per epoch, over devices and workers, and from any place on."""

from collections.abc import Iterator

import numpy as np
import pytest
from tests.training.generated import write_image_folder
from tests.training.test_sources import encoded_images, write_parquet, write_shards

from contrastive_nas.training.data.base import Batch, ImageSource
from contrastive_nas.training.data.feed import CorruptLog, LoaderFeed
from contrastive_nas.training.data.folder import FolderSource
from contrastive_nas.training.data.order import Order
from contrastive_nas.training.data.parquet import ParquetSource
from contrastive_nas.training.data.shards import ShardSource
from contrastive_nas.training.plan import TrainingPlan
from contrastive_nas.training.recipe import load_recipe

IMAGES = 3 * 23


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ImageSource]:
    """The same images as files, Parquet rows and shards."""
    folder = write_image_folder(tmp_path_factory.mktemp("images"), {"train": 23}, classes=3, size=8)
    files = FolderSource(folder / "train")
    mixed = np.random.default_rng(0).permutation(IMAGES)
    encoded = [encoded_images(files)[number] for number in mixed]
    write_parquet(folder / "rows.parquet", encoded, files.labels[mixed], nested=True)
    write_shards(folder / "shards", encoded, files.labels[mixed])
    return {
        "folder": files,
        "parquet": ParquetSource(folder / "rows.parquet"),
        "webdataset": ShardSource(str(folder / "shards")),
    }


def make_feed(source: ImageSource, device: int, devices: int, passes: int, workers: int) -> LoaderFeed:
    plan = TrainingPlan(load_recipe("digits", {"batch_size": 5}), len(source), devices, passes)
    order = Order(plan, seed=1, blocks=source.blocks)
    return LoaderFeed(source, lambda image: image.resize((8, 8)), order, device, 1, workers, 3, CorruptLog(0))


def flat(updates: Iterator[list[Batch]]) -> list[Batch]:
    return [batch for update in updates for batch in update]


@pytest.mark.parametrize(
    ("kind", "devices", "passes", "workers"),
    [
        ("folder", 3, 2, 0),
        ("parquet", 2, 1, 1),
        ("webdataset", 1, 1, 0),
        ("webdataset", 2, 1, 2),
        ("webdataset", 3, 2, 1),
    ],
)
def test_each_image_once(
    sources: dict[str, ImageSource], kind: str, devices: int, passes: int, workers: int
) -> None:
    source = sources[kind]
    feeds = [make_feed(source, device, devices, passes, workers) for device in range(devices)]
    for epoch in range(2):
        batches = [batch for feed in feeds for batch in flat(feed.epoch(epoch))]
        ids = np.concatenate([batch.ids.numpy() for batch in batches])
        assert np.array_equal(np.sort(ids), np.arange(IMAGES))
        assert np.array_equal(np.concatenate([batch.labels.numpy() for batch in batches]), source.labels[ids])


@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_of_shards_continues_where_it_stopped(sources: dict[str, ImageSource], workers: int) -> None:
    for device in range(2):
        whole = flat(make_feed(sources["webdataset"], device, 2, 1, 0).epoch(3))
        rest = flat(make_feed(sources["webdataset"], device, 2, 1, workers).epoch(3, first_update=4))
        assert 0 < len(rest) == len(whole) - 4
        for first, second in zip(whole[4:], rest, strict=True):
            assert all(np.array_equal(*pair) for pair in zip(first, second, strict=True))
