"""What the GPUs of this machine do, beside its processor: the same numbers, speed, memory, interruptions.

    python benchmarks/gpu.py                        # on a machine with CUDA
    python benchmarks/gpu.py --device cpu --small   # without one, in some minutes

Measures in turn, each also alone by ``--only``:

* ``encoder``: encodings of NAS-Bench-201 networks and scores of a comparator fitted to 64 labels, on the
  device and on the processor. Encodings may differ by a relative 1e-4 of the largest, scores by 1e-3.
* ``training``: images per second of a network's updates in both number formats, with channels first and last
  in memory, with and without ``torch.compile``; largest memory.
* ``supernet``: the same of a supernet's updates by the sandwich rule, which train four networks each.
* ``loader``: images per second from JPEG files to normalised batches on the device, without a network.
* ``processes``: one training process a device (nccl; two with gloo on a processor) against one process with
  the whole batch, on a network without batch norm. Losses may differ by 1e-4.
* ``killed``: a training that is killed and continued ends with the weights of one that was not.
* ``pipeline``: a project that searches and retrains with ``device`` set; minutes.

Updates take random images, which lie on the device. The result is a CSV file named after the hardware. On a
processor "memory" stays empty.
"""

import argparse
import itertools
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file

from contrastive_nas.devices import pick_device
from contrastive_nas.execution.machine import describe_machine
from contrastive_nas.ranking.comparator.training import train_comparator
from contrastive_nas.ranking.encoder.embedding import describe
from contrastive_nas.ranking.encoder.encoder import Encoder
from contrastive_nas.ranking.encoder.features import EncoderFeatures
from contrastive_nas.ranking.graph_source import SpaceSource
from contrastive_nas.ranking.parameters import CompareParameters, EncoderParameters
from contrastive_nas.spaces import load_space
from contrastive_nas.training.config import DataSettings, RunSettings
from contrastive_nas.training.data.base import Batch
from contrastive_nas.training.data.open import open_sources
from contrastive_nas.training.data.prepare import prepare_images
from contrastive_nas.training.data.transforms import Preparation
from contrastive_nas.training.devices import make_fabric
from contrastive_nas.training.launch import count_processes, launch
from contrastive_nas.training.loss import TrainingLoss
from contrastive_nas.training.plan import TrainingPlan
from contrastive_nas.training.recipe import load_recipe
from contrastive_nas.training.supernet.schedules import Sandwich, kullback_leibler
from contrastive_nas.training.supernet.shared_weights import Supernet
from contrastive_nas.training.supernet.update import make_supernet_updater
from contrastive_nas.training.update import Updater, make_updater
from data_loading import write_images
from shared import PROJECT, copy_project, keep, names_among

CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"
GROUP_NORM = f"{PROJECT / 'tests' / 'training' / 'group_norm_space.py'}:GroupNormSpace"
DIGITS = DataSettings(kind="digits", name="digits", workers=0)
ENCODING_TOLERANCE, SCORE_TOLERANCE, LOSS_TOLERANCE = 1e-4, 1e-3, 1e-4
# Updates before the clock starts: kernels are chosen, networks compiled.
WARM_UP = 3


@dataclass
class Report:
    """Rows of the table; each measurement adds its own."""

    device: torch.device
    small: bool
    compiles: bool
    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, section: str, what: str, value: float | str, unit: str, holds: bool | None = None) -> None:
        """Adds a row and prints it; ``holds`` says whether what was expected came true."""
        row = {"section": section, "what": what, "value": value, "unit": unit, "holds": holds}
        self.rows.append(row)
        print("  ".join(str(each) for each in row.values() if each is not None), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--small", action="store_true", help="small networks and few updates")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    parser.add_argument("--only", type=names_among(SECTIONS), default=list(SECTIONS))
    parser.add_argument("--output", type=Path, default=PROJECT / "benchmarks" / "results")
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    report = Report(pick_device(options.device), options.small, not options.no_compile)
    for name in options.only:
        SECTIONS[name](report)
        table = pd.DataFrame(report.rows).assign(torch=torch.__version__)
        keep(table, file_of(report.device, options.output))
    if any(row["holds"] is False for row in report.rows):
        raise SystemExit("not everything is as expected: see the rows with False")


def file_of(device: torch.device, output: Path) -> Path:
    """``output``, or in a folder a file that is named after the hardware."""
    if not output.is_dir():
        return output
    if device.type == "cuda":
        hardware = f"{torch.cuda.device_count()}x{torch.cuda.get_device_name(device)}"
    else:
        hardware = f"{describe_machine()['processor']}-{torch.get_num_threads()}threads"
    return output / f"gpu_{re.sub(r'[^A-Za-z0-9.]+', '-', hardware)}.csv"


def encoder(report: Report) -> None:
    names = list(load_space("nasbench201").sample(np.random.default_rng(0), 200 if report.small else 5000))
    source = SpaceSource(load_space("nasbench201"))
    rows = source.rows(names)
    torch.manual_seed(0)
    network = Encoder(EncoderParameters(), source.statistics.shape[1])
    network.fit_statistics(source.statistics)
    labelled = rows[:64]
    labels = np.asarray(source.statistics[labelled, 0], dtype=float)
    encodings, scores = [], []
    for device in (torch.device("cpu"), report.device):
        network.to(device)
        started = time.perf_counter()
        encodings.append(describe(network, source, rows))
        report.add("encoder", f"encode, {device.type}", len(rows) / _since(started, device), "graphs/s")
        started = time.perf_counter()
        comparator = train_comparator(
            EncoderFeatures(network), source, labelled, labels, CompareParameters(), seed=0
        )
        report.add("encoder", f"fit 64 labels, {device.type}", _since(started, device), "s")
        given = torch.as_tensor(encodings[-1], dtype=comparator.weights.dtype, device=device)
        with torch.inference_mode():
            scores.append(comparator.score(given).float().cpu().numpy())
    for what, (one, other), tolerance in (
        ("encodings", encodings, ENCODING_TOLERANCE),
        ("scores", scores, SCORE_TOLERANCE),
    ):
        difference = float(np.abs(one - other).max() / np.abs(one).max())
        report.add(
            "encoder", f"largest difference of {what}", difference, "relative", difference <= tolerance
        )


def training(report: Report) -> None:
    space = load_space("nasbench201", cells=1 if report.small else 5)
    ways = (False, True) if report.compiles else (False,)
    for precision, last, compiled in itertools.product(("32-true", "bf16-mixed"), (False, True), ways):
        network = space.build(CELL).train()
        if last:
            network = network.to(memory_format=torch.channels_last)
        if compiled:
            network.compile()
        fabric = make_fabric(report.device.type, precision)
        plan, preparation = _plan(report), _preparation(report, last)
        updater: Updater = make_updater(network, plan, fabric, preparation, classes=10)
        _measure_updates(report, "training", updater, 32, (precision, last, compiled))


def supernet(report: Report) -> None:
    size = 64 if report.small else 224
    space = load_space("mobilenet_v3", resolutions=[size], classes=10)
    for precision, last in itertools.product(("32-true", "bf16-mixed"), (False, True)):
        shared = Supernet(space).train()
        if last and report.device.type == "cpu" and not shared.channels_last_is_safe():
            continue
        fabric = make_fabric(report.device.type, precision)
        plan, preparation = _plan(report), _preparation(report, last)
        schedule = Sandwich(TrainingLoss(plan.recipe), 2, kullback_leibler)
        updater = make_supernet_updater(shared, plan, fabric, preparation, schedule, classes=10)
        _measure_updates(report, "supernet", updater, size, (precision, last, False))


def _plan(report: Report) -> TrainingPlan:
    recipe = load_recipe("cifar10_fast", {"batch_size": 32 if report.small else 128})
    return TrainingPlan(recipe, samples=50_000)


def _preparation(report: Report, last: bool) -> Preparation:
    recipe = load_recipe("cifar10_fast")
    return Preparation((125.0,) * 3, (63.0,) * 3, report.device, recipe.augmentation, channels_last=last)


def _measure_updates(
    report: Report, section: str, updater: Updater, size: int, setting: tuple[str, bool, bool]
) -> None:
    precision, last, compiled = setting
    device, count = report.device, 3 if report.small else 50
    images = updater.plan.recipe.batch_size
    torch.manual_seed(0)
    shape = (images, 3, size, size)
    batch = Batch(
        torch.randint(0, 256, shape, dtype=torch.uint8, device=device),
        torch.randint(0, 10, (images,), device=device),
        torch.arange(images),
    )
    what = f"{precision}{', channels last' if last else ''}{', compiled' if compiled else ''}"
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    try:
        for update in range(WARM_UP):
            float(updater(update, [batch]))
        started = time.perf_counter()
        losses = [updater(WARM_UP + update, [batch]) for update in range(count)]
        seconds = _since(started, device)
    except Exception as error:  # what a device or a compiler cannot do is a result too
        report.add(section, what, f"{type(error).__name__}: {str(error).splitlines()[0]}", "error", False)
        return
    finite = bool(np.isfinite([float(loss) for loss in losses]).all())
    report.add(section, what, images * count / seconds, "images/s", finite)
    if device.type == "cuda":
        report.add(section, f"{what}, memory", torch.cuda.max_memory_allocated(device) / 1e9, "GB")


def loader(report: Report) -> None:
    count = 64 if report.small else 4096
    workers = max(1, len(os.sched_getaffinity(0)) // max(1, torch.cuda.device_count()))
    with TemporaryDirectory() as folder:
        write_images(Path(folder), count)
        data = DataSettings(kind="folder", name="random", train=folder, test=folder, workers=workers)
        recipe = load_recipe("imagenet_mobilenetv3_sgd")
        images = prepare_images(data, recipe, open_sources(data, 4), channels=3, size=224)
        feed = images.feed(TrainingPlan(recipe, count), 0, report.device)
        preparation = Preparation((124.0,) * 3, (58.0,) * 3, report.device, recipe.augmentation)
        for epoch in range(2):  # the first one starts the workers and fills the page cache
            started, seen = time.perf_counter(), 0
            for update in feed.epoch(epoch):
                for batch in update:
                    seen += len(preparation(batch.images.to(report.device, non_blocking=True)))
            seconds = _since(started, report.device)
    report.add(
        "loader", f"JPEG files to batches, {workers} workers", seen / seconds, "images/s", seen == count
    )


def _run_settings(report: Report, output: Path, **changes: Any) -> RunSettings:
    """A short training on digits; keywords replace its settings."""
    values: dict[str, Any] = {
        "space": GROUP_NORM,
        "architecture": "8",
        "data": DIGITS,
        "recipe": "digits_short",  # without augmentation, which every process draws by itself
        "overrides": {"epochs": 2, "schedule": {"warmup_epochs": 0}},
        "output": output,
        "device": report.device.type,
        "exports": (),
    }
    return RunSettings(**values | changes)


def processes(report: Report) -> None:
    count = count_processes(0, "cuda") if report.device.type == "cuda" else 2
    if count == 1:
        report.add("processes", "one device: not measured", "", "")
        return
    whole = 32 * count
    losses = []
    with TemporaryDirectory() as folder:
        for number in (1, count):
            recipe = {
                "epochs": 2,
                "schedule": {"warmup_epochs": 0},
                "batch_size": whole // number,
                "optimizer": {"reference_batch": whole},
            }
            settings = _run_settings(report, Path(folder) / str(number), overrides=recipe)
            launch(settings, number)
            history = pd.read_parquet(settings.output / "history.parquet")
            losses.append(history["train_loss"].to_numpy())
    difference = float(np.abs(losses[0] - losses[1]).max())
    report.add(
        "processes",
        f"largest difference of losses, {count} processes and one",
        difference,
        "",
        difference <= LOSS_TOLERANCE,
    )


def killed(report: Report) -> None:
    rng = np.random.default_rng(0)
    with TemporaryDirectory() as folder:
        whole, broken = (
            _run_settings(report, Path(folder) / name, checkpoint_seconds=0) for name in ("whole", "broken")
        )
        started = time.perf_counter()
        launch(whole, 1)
        longest = time.perf_counter() - started
        config = Path(folder) / "broken.yml"
        config.write_text(
            (whole.output / "settings.yml")
            .read_text(encoding="utf-8")
            .replace(str(whole.output), str(broken.output)),
            encoding="utf-8",
        )
        kills = 0
        for share in rng.uniform(0.3, 0.9, 3):
            program = subprocess.Popen(
                [sys.executable, "-m", "contrastive_nas.training", "--config", str(config)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                program.wait(timeout=share * longest)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()
                kills += 1
        launch(broken, 1)
        one, other = (load_file(run.output / "network.safetensors") for run in (whole, broken))
    equal = all(torch.equal(one[name], other[name]) for name in one)
    report.add("killed", f"weights after {kills} kills", "equal" if equal else "different", "", equal)


def pipeline(report: Report) -> None:
    with TemporaryDirectory() as folder:
        project = copy_project(Path(folder))
        started = time.perf_counter()
        command = [sys.executable, "-m", "kedro", "run", "--env", "test", "--pipeline", "retrain"]
        done = subprocess.run(
            [*command, "--params", f"device={report.device.type}"],
            cwd=project,
            env=os.environ | {"PYTHONPATH": str(project / "src")},
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - started
    if done.returncode:
        print(done.stdout[-2000:], done.stderr[-2000:])
    report.add("pipeline", "environment test, retrain", seconds, "s", done.returncode == 0)


def _since(started: float, device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started


SECTIONS: dict[str, Callable[[Report], None]] = {
    "encoder": encoder,
    "training": training,
    "supernet": supernet,
    "loader": loader,
    "processes": processes,
    "killed": killed,
    "pipeline": pipeline,
}


if __name__ == "__main__":
    main()
