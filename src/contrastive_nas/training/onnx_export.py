"""Export to ONNX, checked against the module."""

import importlib.util
import logging
import warnings
from pathlib import Path

import torch
from torch import nn

from contrastive_nas.errors import InputError
from contrastive_nas.files import atomic_path

# Largest difference of a logit, relative to the largest logit, between torch and the ONNX runtime.
TOLERANCE = 1e-4
_CHECKED_IMAGES = 3


def require_onnx() -> None:
    """Raise InputError unless the packages for the export are installed."""
    missing = [
        name for name in ("onnx", "onnxscript", "onnxruntime") if importlib.util.find_spec(name) is None
    ]
    if missing:
        raise InputError(f"export to ONNX needs {', '.join(missing)}: install contrastive-nas[onnx]")


def export_onnx(network: nn.Module, channels: int, size: int, path: Path) -> float:
    """Write a network for normalised images (batch, channels, size, size) of any batch size.

    Returns:
        The largest difference of a logit between torch and the ONNX runtime on random images, relative to the
        largest logit.

    Raises:
        InputError: the packages are missing, or the exported network computes something else.
    """
    require_onnx()
    images = torch.randn(_CHECKED_IMAGES, channels, size, size, generator=torch.Generator().manual_seed(0))
    network = network.cpu().eval()
    with atomic_path(path) as partial:
        _write(network, images, partial)
        return _difference(network, images, partial)


def _write(network: nn.Module, images: torch.Tensor, path: Path) -> None:
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass

    for name in ("torch.onnx", "onnxscript", "onnx_ir"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network,
            (images,),
            input_names=["images"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    # Every operation carries the lines of source that it comes from, with the paths of this machine.
    ClearMetadataAndDocStringPass()(program.model)
    program.save(path, external_data=False)


def _difference(network: nn.Module, images: torch.Tensor, path: Path) -> float:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        wanted = network(images)
    found = torch.from_numpy(session.run(None, {"images": images.numpy()})[0])
    difference = float((found - wanted).abs().max() / wanted.abs().max().clamp(min=1e-6))
    if not difference <= TOLERANCE:
        raise InputError(f"the ONNX export differs from the network by {difference:.2g} of its largest logit")
    return difference
