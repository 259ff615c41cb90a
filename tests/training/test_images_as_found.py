"""Images as cameras, microscopes, macOS and notebooks leave them."""

import io
import logging
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from contrastive_nas.errors import InputError
from contrastive_nas.training.config import DataSettings
from contrastive_nas.training.data.base import ImageSource, UnsupportedImage
from contrastive_nas.training.data.folder import FolderSource
from contrastive_nas.training.data.open import open_sources
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
    with pytest.raises(InputError, match=r"own: mean .* and std .* not of one scale"):
        prepare_images(own, load_recipe("digits", {}), open_sources(own, 3), 3, 16)
