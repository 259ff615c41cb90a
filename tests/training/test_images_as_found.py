"""Images as cameras, microscopes, macOS and notebooks leave them."""

import io
import json
import logging
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
from contrastive_nas.training.data.base import CorruptImage, ImageSource, UnsupportedImage, decode
from contrastive_nas.training.data.folder import FolderSource
from contrastive_nas.training.data.open import open_sources
from contrastive_nas.training.data.parquet import ParquetSource
from contrastive_nas.training.data.prepare import prepare_images
from contrastive_nas.training.data.shards import ShardSource
from contrastive_nas.training.data.transforms import training_transform
from contrastive_nas.training.recipe import ImageAugmentation, load_recipe

RAMP = np.linspace(0, 255, 36).astype(np.uint8).reshape(6, 6)


def settings(folder: Path, **changes: object) -> DataSettings:
    values = {"kind": "folder", "name": "own", "train": str(folder / "train"), "test": str(folder / "test")}
    return DataSettings.model_validate({**values, "workers": 0, **changes})


def jpeg(value: int) -> bytes:
    content = io.BytesIO()
    Image.fromarray(np.full((8, 8), value, np.uint8)).save(content, "JPEG")
    return content.getvalue()


def shard(folder: Path, members: dict[str, bytes]) -> str:
    with tarfile.open(folder / "part-000.tar", "w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return str(folder)


def first_pixels(source: ImageSource) -> list[int]:
    return [int(np.asarray(source.read(number, 1))[0, 0]) for number in range(len(source))]


@pytest.mark.parametrize("suffix", ["png", "tiff", "pgm"])
@pytest.mark.parametrize("channels", [1, 3])
def test_s5_sixteen_bits_are_scaled_to_eight(tmp_path: Path, suffix: str, channels: int) -> None:
    """The same picture in 16 bits, whose value is 257 times as large, is the same picture."""
    place = tmp_path / "only"
    place.mkdir()
    Image.fromarray(RAMP.astype(np.uint16) * 257).save(place / f"a.{suffix}")
    found = np.asarray(FolderSource(tmp_path).read(0, channels))
    assert np.array_equal(found if channels == 1 else found[..., 1], RAMP)


def test_s5_big_endian_tiff_is_scaled_too(tmp_path: Path) -> None:
    place = tmp_path / "only"
    place.mkdir()
    image = Image.frombytes("I;16B", (6, 6), (RAMP.astype(">u2") * 257).astype(">u2").tobytes())
    image.save(place / "a.tiff")
    assert np.array_equal(np.asarray(FolderSource(tmp_path).read(0, 1)), RAMP)


@pytest.mark.parametrize(("kind", "mode"), [(np.float32, "F"), (np.int32, "I")])
def test_s5_pixels_without_a_known_white_are_refused(tmp_path: Path, kind: type, mode: str) -> None:
    for label in "ab":
        (tmp_path / label).mkdir()
        for number in range(20):
            Image.fromarray(RAMP).save(tmp_path / label / f"{number}.png")
    Image.fromarray(RAMP.astype(kind)).save(tmp_path / "b" / "7.tiff")
    source = FolderSource(tmp_path)
    with pytest.raises(UnsupportedImage, match=rf"b/7\.tiff: .*mode {mode}.*convert"):
        [source.read(number, 1) for number in range(len(source))]
    # Not one of the few corrupt images that are let through.
    with pytest.raises(InputError, match=r"b/7\.tiff"):
        prepare_images(
            settings(tmp_path, max_corrupt_share=1.0), load_recipe("digits", {}), (source, source), 1, 6
        )


@pytest.mark.parametrize("recipe", ["imagenet_mobilenetv3_rmsprop", "imagenet_resnet"])
def test_c3_grey_images_can_be_augmented_in_colour(recipe: str) -> None:
    augmentation = load_recipe(recipe, {}).augmentation
    assert isinstance(augmentation, ImageAugmentation)
    transform = training_transform(augmentation, 16, channels=1)
    grey = Image.fromarray(np.full((20, 20), 90, np.uint8))
    for _ in range(300):
        changed = transform(grey)
        assert (changed.mode, changed.size) == ("L", (16, 16))


def leave_checkpoints(folder: Path) -> None:
    (folder / "train" / ".ipynb_checkpoints").mkdir()
    (folder / "test" / "class0000" / ".ipynb_checkpoints").mkdir()
    image = folder / "test" / "class0000" / "0.jpg"
    (image.parent / ".ipynb_checkpoints" / "0-checkpoint.jpg").write_bytes(image.read_bytes())


def leave_mac_files(folder: Path) -> None:
    for part in ("train", "test"):
        for number in range(2):
            (folder / part / "class0001" / f"._{number}.jpg").write_bytes(b"\0\5\x16\7 Mac OS X")
        (folder / part / ".DS_Store").write_bytes(b"Bud1")


@pytest.mark.parametrize("leave", [leave_checkpoints, leave_mac_files])
def test_u7_hidden_files_are_no_images(image_folder: Path, leave: Callable[[Path], None]) -> None:
    before = [source.labels.tolist() for source in open_sources(settings(image_folder), 3)]
    leave(image_folder)
    found = open_sources(settings(image_folder), 3)
    assert [source.labels.tolist() for source in found] == before
    paths = [source.describe(number) for source in found for number in range(len(source))]
    assert not any("/." in path for path in paths)


@pytest.mark.parametrize("removed", [False, True])
def test_u7_a_class_may_lack_test_images(
    image_folder: Path, removed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    for file in (image_folder / "test" / "class0001").iterdir():
        file.unlink()
    if removed:
        (image_folder / "test" / "class0001").rmdir()
    with caplog.at_level(logging.WARNING):
        _, test = open_sources(settings(image_folder), 3)
    # The third class keeps its number.
    assert np.bincount(test.labels).tolist() == [4, 0, 4]
    assert all(f"class{test.labels[number]:04d}" in test.describe(number) for number in range(len(test)))
    assert "no images of the class class0001" in caplog.text


def test_u7_names_in_a_shard_may_have_dots(tmp_path: Path) -> None:
    members = {}
    for number, value in enumerate([10, 200, 90]):
        members |= {f"img.{number:04d}.jpg": jpeg(value), f"img.{number:04d}.cls": str(number).encode()}
    source = ShardSource(shard(tmp_path, members))
    assert source.labels.tolist() == [0, 1, 2]
    assert first_pixels(source) == [10, 200, 90]


def test_u7_stray_members_of_a_shard_are_left_out(tmp_path: Path) -> None:
    sample = {"a/1.jpg": jpeg(50), "a/1.mask.png": jpeg(1), "a/1.json": b"{}", "a/1.cls": b"3"}
    stray = {"README.md": b"about", "LICENSE": b"", "a/._1.jpg": b"Mac OS X", ".DS_Store": b"Bud1"}
    source = ShardSource(shard(tmp_path, stray | sample))
    assert source.labels.tolist() == [3]
    assert first_pixels(source) == [50]


@pytest.mark.parametrize(("first", "second"), [("1.jpg", "1.png"), ("1.cls", "./1.cls")])
def test_two_images_or_labels_of_one_name_are_refused(tmp_path: Path, first: str, second: str) -> None:
    members = {"1.jpg": jpeg(50), "1.cls": b"3", first: jpeg(50), second: jpeg(50)}
    members |= {name: b"3" for name in (first, second) if name.endswith("cls")}
    with pytest.raises(InputError, match=r"part-000\.tar: sample '1' is there twice, as .*1\.\w+ and "):
        ShardSource(shard(tmp_path, members))


@pytest.mark.parametrize(
    ("mean", "std", "wanted"),
    [
        ((0.5, 0.4, 0.2), (0.2, 0.2, 1.0), ((127.5, 102.0, 51.0), (51.0, 51.0, 255.0))),
        ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0))),
        ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0), ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0))),
        ((0.9, 1.2, 120.0), (50.0, 50.0, 50.0), ((0.9, 1.2, 120.0), (50.0, 50.0, 50.0))),
    ],
)
def test_means_of_values_up_to_one_are_understood(
    image_folder: Path, mean: tuple[float, ...], std: tuple[float, ...], wanted: tuple[tuple[float, ...], ...]
) -> None:
    own = settings(image_folder, mean=mean, std=std)
    images = prepare_images(own, load_recipe("imagenet_resnet", {}), open_sources(own, 3), 3, 16)
    assert images.preprocessing.mean == pytest.approx(wanted[0])
    assert images.preprocessing.std == pytest.approx(wanted[1])


@pytest.mark.parametrize(
    ("mean", "std"), [((0.5,) * 3, None), ((0.5,) * 3, (60.0,) * 3), ((120.0,) * 3, (0.2,) * 3)]
)
def test_means_and_deviations_of_two_scales_are_refused(
    image_folder: Path, mean: tuple[float, ...], std: tuple[float, ...] | None
) -> None:
    own = settings(image_folder, mean=mean, std=std)
    with pytest.raises(InputError, match=r"own: mean .* and std .* different scales"):
        prepare_images(own, load_recipe("digits", {}), open_sources(own, 3), 3, 16)


def test_a_picture_in_the_transparency_alone_is_refused() -> None:
    shape = np.zeros((8, 8, 4), np.uint8)
    shape[2:5, 2:5, 3] = 255
    for mode in ("RGBA", "LA"):
        stream = io.BytesIO()
        Image.fromarray(shape).convert(mode).save(stream, "PNG")
        with pytest.raises(UnsupportedImage, match="the picture is in their transparency"):
            decode(stream.getvalue(), 3, "shape.png")
    stream = io.BytesIO()
    shape[..., 0] = 20 * np.arange(8)
    Image.fromarray(shape).save(stream, "PNG")
    assert np.asarray(decode(stream.getvalue(), 3, "shape.png"))[..., 0].max() == 140


def encoded(value: int = 0) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((4, 4), value, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def table(path: Path, labels: list[int], images: object = None, metadata: object = None) -> Path:
    found = pa.table({"image": images or [encoded()] * len(labels), "label": labels})
    text = metadata if isinstance(metadata, str) else json.dumps(metadata)
    pq.write_table(found if metadata is None else found.replace_schema_metadata({"huggingface": text}), path)
    return path


def names(*classes: str) -> dict[str, object]:
    return {"info": {"features": {"label": {"names": classes}}}}


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (["a.png", "b.png"], "must hold the bytes of image files.*not string"),
        ([[1, 2], [3, 4]], "must hold the bytes of image files.*not list"),
        ([{"data": b""}] * 2, "must hold the bytes of image files.*not struct"),
    ],
)
def test_columns_that_hold_no_image_files_are_named(tmp_path: Path, images: object, message: str) -> None:
    with pytest.raises(InputError, match=rf"own\.parquet: column 'image' {message}"):
        ParquetSource(table(tmp_path / "own.parquet", [0, 1], images))


def test_rows_with_a_path_in_place_of_an_image_say_so(tmp_path: Path) -> None:
    images = [{"bytes": None, "path": "a.png"}, {"bytes": encoded(), "path": None}]
    source = ParquetSource(table(tmp_path / "own.parquet", [0, 1], images))
    with pytest.raises(CorruptImage, match=r"row 0: column 'image' holds a path and no bytes"):
        source.read(0, 1)


@pytest.mark.parametrize("metadata", ["{bad", {"info": None}, {"info": {"features": None}}, [1]])
def test_metadata_of_other_programs_names_no_classes(tmp_path: Path, metadata: object) -> None:
    assert ParquetSource(table(tmp_path / "own.parquet", [0, 1], None, metadata)).classes == ()


def test_files_that_number_the_classes_differently_are_refused(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    first = table(tmp_path / "train" / "a.parquet", [0, 1], None, names("cat", "dog"))
    second = table(tmp_path / "train" / "b.parquet", [0, 1], None, names("dog", "cat"))
    with pytest.raises(InputError, match=r"b\.parquet numbers the classes differently from .*a\.parquet"):
        ParquetSource(tmp_path / "train")
    settings = DataSettings(kind="parquet", name="own", train=str(first), test=str(second))
    with pytest.raises(InputError, match="own: training and test images number the classes differently"):
        open_sources(settings, 2)


def test_images_of_one_class_are_refused_and_doubtful_tests_are_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def opened(train: list[int], test: list[int] | None) -> None:
        first = table(tmp_path / "train.parquet", train)
        second = first if test is None else table(tmp_path / "test.parquet", test)
        open_sources(DataSettings(kind="parquet", name="own", train=str(first), test=str(second)), 3)

    with pytest.raises(InputError, match="own: all training images are of one class, label 1"):
        opened([1, 1], [0, 1])
    opened([0, 1], [0, 1])
    assert not caplog.messages
    opened([0, 1], [0, 2])
    assert "there are test images of label 2, and no training images of it" in caplog.text
    opened([0, 1], None)
    assert "are both the training and the test images" in caplog.text


def test_folders_of_parts_are_no_classes(tmp_path: Path) -> None:
    for part in ("train", "val"):
        (tmp_path / part / "cat").mkdir(parents=True)
        (tmp_path / part / "cat" / "a.png").write_bytes(encoded())
    with pytest.raises(InputError, match="holds train, val, which are not classes"):
        FolderSource(tmp_path)


@pytest.mark.parametrize("label", [b"1_0", b"9" * 30, b"", b"1.0", b"\xff"])
def test_labels_of_a_shard_are_plain_numbers(tmp_path: Path, label: bytes) -> None:
    with tarfile.open(tmp_path / "own.tar", "w") as archive:
        for name, content in (("a.png", encoded()), ("a.cls", label)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    with pytest.raises(InputError, match=r"own\.tar: a\.cls holds .* instead of a number"):
        ShardSource(str(tmp_path / "own.tar"))
