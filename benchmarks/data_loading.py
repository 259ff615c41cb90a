"""Images per second and core from JPEG files to training batches: ours, timm's loader, plain PIL decoding.

    python benchmarks/data_loading.py --out benchmarks/results/data_loading.csv

Writes a folder of random JPEG files of ImageNet's usual size (500 x 375 pixels), reads them once so that
all are in the page cache, then measures the three in turn, several times, in processor seconds of this
process and its workers: other programs on the machine then matter little. Every variant gets the same
images and transforms.
"""

import argparse
import csv
import io
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import timm
import torch
from PIL import Image
from timm.data import create_dataset, create_loader

from contrastive_nas.training.data.feed import CorruptLog, LoaderFeed
from contrastive_nas.training.data.folder import FolderSource
from contrastive_nas.training.data.order import Order
from contrastive_nas.training.data.transforms import Preparation, training_transform
from contrastive_nas.training.plan import TrainingPlan
from contrastive_nas.training.recipe import ImageAugmentation, load_recipe

BATCH = 64
SIZE = 224
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def main() -> None:
    """Prints a table, and writes it where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=8)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--recipes", nargs="+", default=["imagenet_resnet", "imagenet_mobilenetv3_rmsprop"])
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        paths = write_images(Path(folder), arguments.images)
        for recipe in arguments.recipes:
            for workers in arguments.workers:
                rows += measure(Path(folder), paths, recipe, workers, arguments.repeats)
    for row in rows:
        print(row)
    if arguments.out:
        with arguments.out.open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def write_images(folder: Path, count: int) -> list[Path]:
    """JPEG files with smooth random content, which compresses like photographs: about 110 kB each."""
    rng = np.random.default_rng(0)
    paths = []
    for number in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)).resize((500, 375))
        pixels = np.asarray(coarse, dtype=np.int16) + rng.integers(-20, 21, (375, 500, 3))
        path = folder / f"class{number % 4}" / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path, quality=90)
        paths.append(path)
    return paths


def measure(
    folder: Path, paths: list[Path], recipe: str, workers: int, repeats: int
) -> list[dict[str, str | float]]:
    """One row per variant: the best of several rounds, in which all variants take turns."""
    augmentation = load_recipe(recipe).augmentation
    assert isinstance(augmentation, ImageAugmentation)
    variants: dict[str, Callable[[], int]] = {
        "contrastive-nas": ours(folder, recipe, augmentation, workers),
        "timm": theirs(folder, augmentation, workers),
        "PIL decode only": lambda: decode(paths),
    }
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(repeats):
        for name, load in variants.items():
            started = processor_seconds()
            assert load() == len(paths), name
            seconds[name].append(processor_seconds() - started)
    return [
        {
            "recipe": recipe,
            "loader": name,
            "images_per_core_second": round(len(paths) / min(found), 1),
            "median_images_per_core_second": round(len(paths) / float(np.median(found)), 1),
            "workers": workers,
            "images": len(paths),
            "timm": timm.__version__,
            "torch": torch.__version__,
            "processor": platform.processor() or platform.machine(),
        }
        for name, found in seconds.items()
    ]


def ours(folder: Path, recipe: str, augmentation: ImageAugmentation, workers: int) -> Callable[[], int]:
    """Loads one epoch with this project's feed, up to normalised float batches."""
    source = FolderSource(folder)
    plan = TrainingPlan(load_recipe(recipe, {"batch_size": BATCH}), len(source))
    transform = training_transform(augmentation, SIZE)
    feed = LoaderFeed(source, transform, Order(plan, 0), 0, 0, workers, 3, CorruptLog(0))
    moments = tuple(255 * value for value in MEAN), tuple(255 * value for value in STD)
    preparation = Preparation(*moments, torch.device("cpu"), augmentation)

    def load() -> int:
        return sum(len(preparation(batch.images)) for batches in feed.epoch(0) for batch in batches)

    return load


def theirs(folder: Path, augmentation: ImageAugmentation, workers: int) -> Callable[[], int]:
    """Loads one epoch with timm's loader, up to normalised float batches."""
    loader = create_loader(
        create_dataset("", root=str(folder)),
        input_size=(3, SIZE, SIZE),
        batch_size=BATCH,
        is_training=True,
        re_prob=augmentation.random_erasing,
        re_mode="pixel",
        scale=(augmentation.min_scale, 1.0),
        color_jitter=augmentation.color_jitter,
        auto_augment=augmentation.auto_augment,
        interpolation=augmentation.interpolation,
        mean=MEAN,
        std=STD,
        num_workers=workers,
        device=torch.device("cpu"),
        persistent_workers=workers > 0,
    )
    return lambda: sum(len(images) for images, _ in loader)


def decode(paths: list[Path]) -> int:
    """Decodes all files and does nothing with them."""
    for path in paths:
        Image.open(io.BytesIO(path.read_bytes())).convert("RGB")
    return len(paths)


def processor_seconds() -> float:
    """Of this process and its workers, which stay alive from epoch to epoch."""
    times = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    return time.process_time() + sum(found.user + found.system for found in times)


if __name__ == "__main__":
    main()
