"""``torchrun --nproc-per-node N -m contrastive_nas.training --config FILE``."""

import argparse
import logging
import os
import sys
import threading
from pathlib import Path

from contrastive_nas.errors import InputError
from contrastive_nas.files import DISK_ERRORS
from contrastive_nas.training.config import load_settings
from contrastive_nas.training.forecast import forecast
from contrastive_nas.training.launch import ERROR
from contrastive_nas.training.run import retrain
from contrastive_nas.training.supernet.config import SupernetSettings
from contrastive_nas.training.supernet.forecast import forecast_supernet
from contrastive_nas.training.supernet.run import train_supernet
from contrastive_nas.user_code import blame


def main() -> int:
    """Run one training; 1 where something from outside cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m contrastive_nas.training", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="YAML file with settings")
    parser.add_argument("--supernet", action="store_true", help="train a supernet in place of a network")
    parser.add_argument(
        "--dry-run",
        type=_positive,
        metavar="DEVICES",
        help="only print plan, schedule and expected cost on that many devices",
    )
    parser.add_argument(
        "--with-parent",
        action="store_true",
        help="stop when standard input is closed, as it is when the program that started this one ends",
    )
    arguments = parser.parse_args()
    if arguments.with_parent:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    first = os.environ.get("RANK", "0") == "0"
    logging.basicConfig(level=logging.INFO if first else logging.WARNING, format="%(asctime)s %(message)s")
    try:
        if arguments.supernet:
            _supernet(arguments.config, arguments.dry_run)
        else:
            _network(arguments.config, arguments.dry_run)
    except (InputError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in DISK_ERRORS:
            raise
        logging.getLogger(__name__).error("%s%s", ERROR, error)
        return 1
    except Exception as error:
        place = blame(error)
        if place is None:
            raise
        logging.getLogger(__name__).error("%s%s", ERROR, place)
        return 1
    return 0


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of devices: give 1 or more")
    return int(text)


def _network(config: Path, devices: int | None) -> None:
    settings = load_settings(config)
    if devices:
        logging.getLogger(__name__).info("%s", forecast(settings, devices).describe())
    else:
        retrain(settings)


def _supernet(config: Path, devices: int | None) -> None:
    settings = load_settings(config, SupernetSettings)
    if devices:
        logging.getLogger(__name__).info("%s", forecast_supernet(settings, devices).describe())
    else:
        train_supernet(settings)


def _end_with_parent() -> None:
    # Not by sys.stdin, whose lock a waiting thread would keep until after the end of the program.
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
