"""The same images from every kind of file, and one clear error for every kind of broken one."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from contrastive_nas.errors import InputError
from contrastive_nas.training.config import DataSettings
from contrastive_nas.training.data.arrays import digits_source, torchvision_source
from contrastive_nas.training.data.base import CorruptImage, ImageSource
from contrastive_nas.training.data.folder import FolderSource
from contrastive_nas.training.data.open import open_sources
from contrastive_nas.training.data.parquet import ParquetSource
from contrastive_nas.training.data.shards import ShardSource


def encoded_images(source: FolderSource) -> list[bytes]:
    return [Path(source.describe(number)).read_bytes() for number in range(len(source))]


def write_parquet(path: Path, images: list[bytes], labels: np.ndarray, nested: bool) -> None:
    column = [{"bytes": image, "path": "x.jpg"} for image in images] if nested else images
    features = {"label": {"names": ["a", "b", "c"], "_type": "ClassLabel"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})} if nested else {}
    table = pa.table({"image": column, "label": pa.array(labels)}).replace_schema_metadata(metadata)
    pq.write_table(table, path, row_group_size=4)


def write_shards(folder: Path, images: list[bytes], labels: np.ndarray, per_shard: int = 8) -> None:
    folder.mkdir(exist_ok=True)
    for start in range(0, len(images), per_shard):
        with tarfile.open(folder / f"part-{start // per_shard:03d}.tar", "w") as archive:
            for number in range(start, min(start + per_shard, len(images))):
                add(archive, f"{number:05d}.cls", str(labels[number]).encode())
                add(archive, f"{number:05d}.jpg", images[number])


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def assert_same_images(found: ImageSource, wanted: ImageSource) -> None:
    assert np.array_equal(found.labels, wanted.labels)
    for number in range(len(wanted)):
        assert np.array_equal(np.asarray(found.read(number, 3)), np.asarray(wanted.read(number, 3)))


def test_all_formats_give_the_same_images(image_folder: Path, tmp_path: Path) -> None:
    folder = FolderSource(image_folder / "train")
    images = encoded_images(folder)
    assert folder.classes == ("class0000", "class0001", "class0002")
    assert np.bincount(folder.labels).tolist() == [7, 7, 7]
    parts = tmp_path / "parts"
    parts.mkdir()
    write_parquet(tmp_path / "one.parquet", images, folder.labels, nested=False)
    write_parquet(parts / "a.parquet", images[:10], folder.labels[:10], nested=True)
    write_parquet(parts / "b.parquet", images[10:], folder.labels[10:], nested=True)
    write_shards(tmp_path / "shards", images, folder.labels)
    for found in (
        ParquetSource(tmp_path / "one.parquet"),
        ParquetSource(parts),
        ShardSource(str(tmp_path / "shards")),
        ShardSource(str(tmp_path / "shards" / "part-{000..002}.tar")),
    ):
        assert_same_images(found, folder)
    assert ParquetSource(parts).classes == ("a", "b", "c")
    assert ParquetSource(parts).describe(11).endswith("b.parquet, row 1")


def test_grey_images_have_one_channel(image_folder: Path) -> None:
    assert np.asarray(FolderSource(image_folder / "test").read(0, 1)).ndim == 2


def test_digits_are_split_without_overlap() -> None:
    train, test = digits_source(train=True), digits_source(train=False)
    assert len(train) + len(test) == 1797
    pixels = {image.tobytes() for image in train.images}
    assert not pixels & {image.tobytes() for image in test.images}
    assert np.ptp(np.bincount(test.labels)) <= 4


@pytest.mark.parametrize("what", ["truncated data", "truncated header", "no label", "no image", "no number"])
def test_broken_shards(image_folder: Path, tmp_path: Path, what: str) -> None:
    folder = FolderSource(image_folder / "test")
    write_shards(tmp_path / "shards", encoded_images(folder), folder.labels)
    shard = tmp_path / "shards" / "part-000.tar"
    whole = shard.read_bytes()
    with tarfile.open(shard) as archive:
        members = archive.getmembers()
    if what == "truncated data":
        shard.write_bytes(whole[: members[-1].offset_data + 100])
    elif what == "truncated header":
        shard.write_bytes(whole[: members[-2].offset])
    else:
        with tarfile.open(shard, "w") as archive:
            if what != "no image":
                add(archive, "1.jpg", encoded_images(folder)[0])
            if what != "no label":
                add(archive, "1.cls", b"cat" if what == "no number" else b"0")
    message = {
        "truncated data": "truncated|unexpected end",
        "truncated header": "truncated",
        "no label": "'1' has no label",
        "no image": "'1' has no image",
        "no number": "1.cls holds",
    }[what]
    with pytest.raises(InputError, match=message) as error:
        ShardSource(str(tmp_path / "shards"))
    assert "part-000.tar" in str(error.value)


def foreign_test_class(folder: Path) -> DataSettings:
    (folder / "test" / "class0001").rename(folder / "test" / "class000l")
    return folder_settings(folder)


def empty_training_class(folder: Path) -> DataSettings:
    for file in (folder / "train" / "class0001").iterdir():
        file.unlink()
    return folder_settings(folder)


def label_out_of_range(folder: Path) -> DataSettings:
    source = FolderSource(folder / "test")
    labels = source.labels.copy()
    labels[5] = 3
    write_parquet(folder / "bad.parquet", encoded_images(source), labels, nested=False)
    path = str(folder / "bad.parquet")
    return DataSettings(kind="parquet", name="own", train=path, test=path)


def not_parquet(folder: Path) -> DataSettings:
    (folder / "bad.parquet").write_bytes(b"PAR1 and nothing else")
    return DataSettings(kind="parquet", name="own", train=str(folder / "bad.parquet"), test="x")


def no_label_column(folder: Path) -> DataSettings:
    pq.write_table(pa.table({"image": [b"", b""]}), folder / "bad.parquet")
    return DataSettings(kind="parquet", name="own", train=str(folder / "bad.parquet"), test="x")


def missing_folder(folder: Path) -> DataSettings:
    return DataSettings(kind="folder", name="own", train=str(folder / "train"), test=str(folder / "valid"))


def folder_settings(folder: Path) -> DataSettings:
    return DataSettings(kind="folder", name="own", train=str(folder / "train"), test=str(folder / "test"))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (foreign_test_class, "training images have no class class000l"),
        (empty_training_class, "no images of the class class0001"),
        (label_out_of_range, "bad.parquet, row 5: label 3 is out of range for 3 classes"),
        (not_parquet, "cannot be read as Parquet"),
        (no_label_column, "no column 'label'"),
        (missing_folder, "valid does not exist"),
    ],
)
def test_bad_input(image_folder: Path, spoil: Callable[[Path], DataSettings], message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_sources(spoil(image_folder), classes=3)


def test_wrong_number_of_classes(image_folder: Path) -> None:
    with pytest.raises(InputError, match="own has 3 classes, but the network has 10 outputs"):
        open_sources(folder_settings(image_folder), classes=10)


def test_corrupt_image_is_named(image_folder: Path) -> None:
    source = FolderSource(image_folder / "train")
    path = Path(source.describe(4))
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(CorruptImage, match=str(path)):
        source.read(4, 3)


def test_torchvision_sets(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="ImageNet21k"):
        torchvision_source("ImageNet21k", tmp_path, train=True)
    with pytest.raises(InputError, match="MNIST in"):
        torchvision_source("MNIST", tmp_path, train=True)


def test_torchvision_reads_what_is_on_the_disk(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (6, 28, 28), dtype=np.uint8), np.arange(6, dtype=np.uint8)
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part in ("train", "t10k"):
        header = np.array([2051, 6, 28, 28], dtype=">i4").tobytes()
        (raw / f"{part}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(
            np.array([2049, 6], dtype=">i4").tobytes() + labels.tobytes()
        )
    source = torchvision_source("MNIST", tmp_path, train=True)
    assert source.labels.tolist() == [0, 1, 2, 3, 4, 5]
    assert np.array_equal(np.asarray(source.read(3, 1)), images[3])
    assert isinstance(source.read(3, 3), Image.Image)


def test_a_shard_pattern_with_an_open_brace_is_refused() -> None:
    with pytest.raises(InputError, match=r"train-\{0.*: a brace is not closed or not opened"):
        ShardSource("train-{0..3.tar")
