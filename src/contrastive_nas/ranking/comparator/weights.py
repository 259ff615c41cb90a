"""A comparator on the disk, with the encoder that it was fitted on."""

from pathlib import Path

from contrastive_nas.ranking.comparator.comparator import Comparator, ComparatorShape
from contrastive_nas.ranking.encoder.weights import (
    encoder_header,
    encoder_of,
    fill,
    read_weights,
    write_weights,
)
from contrastive_nas.ranking.gaussian_process.kernel import View


def save_comparator(comparator: Comparator, path: str | Path) -> None:
    """Writes a comparator; equal weights give equal bytes.

    Raises:
        OSError: the file cannot be written.
    """
    header = encoder_header(comparator.encoder) | {
        "model": "Comparator",
        "views": [[view.kernel, view.columns] for view in comparator.shape.views],
        "support": comparator.shape.support,
    }
    write_weights(comparator, header, path)


def load_comparator(path: str | Path) -> Comparator:
    """The comparator of a file that :func:`save_comparator` wrote.

    Raises:
        InputError: as :func:`contrastive_nas.ranking.encoder.weights.load_encoder`, or it holds an encoder
            alone.
    """
    header, tensors = read_weights(path, "Comparator")
    shape = ComparatorShape(tuple(View(*view) for view in header["views"]), header["support"])
    comparator = Comparator(encoder_of(header), shape)
    fill(comparator, tensors, path)
    return comparator
