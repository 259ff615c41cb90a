"""Makes the model of several spaces that comes with the package.

    python benchmarks/pretrained.py --tables tables.csv

``--tables`` is a CSV with the columns space, file (any that ingestion reads; relative to the CSV) and column
(an accuracy). The same tables give the same bytes.
"""

import argparse
from pathlib import Path

from contrastive_nas.learning.labelled_tables import open_tables
from contrastive_nas.learning.transfer import fit_transfer
from contrastive_nas.learning.transfer_weights import RELEASED, save_transfer


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tables", required=True, type=Path, help="CSV: space, file, column")
    parser.add_argument("--graphs", type=Path, default=Path("graphs"), help="folder that keeps graphs")
    parser.add_argument("--output", type=Path, default=RELEASED)
    arguments = parser.parse_args()
    spaces = [table.functions() for table in open_tables(arguments.tables, arguments.graphs)]
    model = fit_transfer(spaces)
    save_transfer(model, arguments.output)
    print(f"{', '.join(model.spaces)}: {arguments.output}, {arguments.output.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
