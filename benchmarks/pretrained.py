"""Makes what comes pretrained with the package: an encoder, and the model of several spaces.

    python benchmarks/pretrained.py --tables tables.csv

``--tables`` is a CSV with the columns space, file (any that ingestion reads; relative to the CSV) and column
(an accuracy). The encoder sees graphs alone. The same tables give the same bytes.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from contrastive_nas.conversion.convert import convert
from contrastive_nas.graphs.storage.store import open_store
from contrastive_nas.ranking.encoder.features import RELEASED_ENCODER
from contrastive_nas.ranking.encoder.pretraining import pretrain
from contrastive_nas.ranking.encoder.weights import save_encoder
from contrastive_nas.ranking.parameters import PretrainParameters
from contrastive_nas.ranking.transfer.labelled_tables import open_tables
from contrastive_nas.ranking.transfer.model import fit_transfer
from contrastive_nas.ranking.transfer.weights import RELEASED, save_transfer


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tables", required=True, type=Path, help="CSV: space, file, column")
    parser.add_argument("--graphs", type=Path, default=Path("graphs"), help="folder that keeps graphs")
    parser.add_argument("--output", type=Path, default=RELEASED.parent, help="folder")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    tables = open_tables(arguments.tables, arguments.graphs)
    model = fit_transfer([table.functions() for table in tables])
    save_transfer(model, arguments.output / RELEASED.name)

    together = arguments.graphs / "all_spaces.arrow"
    networks = [(table.space, table.store.architectures.to_pylist()) for table in tables]
    listed = [name for _, names in networks for name in names]
    if not together.exists() or open_store(together).architectures.to_pylist() != listed:
        convert(together, networks)
    started = time.perf_counter()
    encoder, losses = pretrain(open_store(together), PretrainParameters(), seed=0)
    save_encoder(encoder, arguments.output / RELEASED_ENCODER.name)
    seconds, quarter = time.perf_counter() - started, len(losses) // 4
    first, last = np.mean(losses[:quarter]), np.mean(losses[-quarter:])
    print(f"{len(losses)} steps of pretraining in {seconds:.0f} s: loss {first:.3f} to {last:.3f}")
    for name in (RELEASED.name, RELEASED_ENCODER.name):
        print(f"{arguments.output / name}, {(arguments.output / name).stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
