"""Makes what comes pretrained with the package: the model of several spaces, and an encoder.

    python benchmarks/pretrained.py --tables tables.csv
    python benchmarks/pretrained.py --tables tables.csv --parts transfer

``--tables`` is a CSV as :func:`contrastive_nas.ranking.transfer.labelled_tables.open_tables` takes it. The
encoder sees graphs alone, of the tables that belong to a space. The same tables give the same bytes.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from contrastive_nas.conversion.convert import convert
from contrastive_nas.graphs.storage.store import open_store
from contrastive_nas.ranking.encoder.features import RELEASED_ENCODER
from contrastive_nas.ranking.encoder.pretraining import pretrain
from contrastive_nas.ranking.encoder.weights import save_encoder
from contrastive_nas.ranking.parameters import PretrainParameters
from contrastive_nas.ranking.transfer.labelled_tables import LabelledTable, open_tables
from contrastive_nas.ranking.transfer.model import fit_transfer
from contrastive_nas.ranking.transfer.weights import RELEASED, save_transfer
from shared import names_among

PARTS = ("transfer", "encoder")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tables", required=True, type=Path, help="CSV, see above")
    parser.add_argument("--graphs", type=Path, default=Path("graphs"), help="folder that keeps graphs")
    parser.add_argument("--output", type=Path, default=RELEASED.parent, help="folder")
    parser.add_argument("--parts", type=names_among(PARTS), default=list(PARTS), help=", ".join(PARTS))
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    tables = open_tables(arguments.tables, arguments.graphs)
    if "transfer" in arguments.parts:
        path = arguments.output / RELEASED.name
        save_transfer(fit_transfer([table.functions() for table in tables]), path)
        print(f"{path}, {path.stat().st_size / 1e6:.2f} MB")
    if "encoder" in arguments.parts:
        make_encoder(tables, arguments.graphs, arguments.output / RELEASED_ENCODER.name)


def make_encoder(tables: Sequence[LabelledTable], graphs: Path, path: Path) -> None:
    """Pretrains on the graphs of all spaces together."""
    together = graphs / "all_spaces.arrow"
    networks = [
        (table.space, table.graphs.architectures_of(np.arange(len(table.graphs))))
        for table in tables
        if table.space is not None
    ]
    listed = [name for _, names in networks for name in names]
    if not together.exists() or open_store(together).architectures.to_pylist() != listed:
        convert(together, networks)
    started = time.perf_counter()
    encoder, losses = pretrain(open_store(together), PretrainParameters(), seed=0)
    save_encoder(encoder, path)
    seconds, quarter = time.perf_counter() - started, len(losses) // 4
    first, last = np.mean(losses[:quarter]), np.mean(losses[-quarter:])
    print(f"{len(losses)} steps of pretraining in {seconds:.0f} s: loss {first:.3f} to {last:.3f}")
    print(f"{path}, {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
