"""Published supernets of Once-for-All's MobileNetV3 as supernets of this project.

Source: Cai et al., Once-for-All, ICLR 2020, and the names of weights in the authors' files, such as
``ofa_mbv3_d234_e346_k357_w1.0``. Only weights are read, nothing in a file is run.

================================  ===================================================================
here                              there
================================  ===================================================================
``stem.0``, ``stem.1``            ``first_conv.conv``, ``first_conv.bn``
``first.layers.0``, ``.1``        ``blocks.0``: ``depth_conv``, ``point_linear``
``stageS.layerL.layers.0``        ``blocks.N``: ``inverted_bottleneck``, N = 4 (S - 1) + L
``stageS.layerL.layers.1``        ``blocks.N``: ``depth_conv``, with ``7to5_matrix``, ``5to3_matrix``
``stageS.layerL.layers.2``        ``blocks.N``: ``depth_conv.se.fc``, where there is one
``stageS.layerL.layers`` (last)   ``blocks.N``: ``point_linear``
``head.0``, ``head.2``            ``final_expand_layer``, ``feature_mix_layer``
``head.5``                        ``classifier.linear``
================================  ===================================================================

In ``blocks`` from 1 on, ``conv`` and ``bn`` of the file are doubled (``conv.conv``, ``bn.bn``); a block is
named ``mobile_inverted_conv`` in older files and ``conv`` in newer ones.
"""

import pickle
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import Tensor

from contrastive_nas.errors import InputError
from contrastive_nas.spaces.elastic_stages import DEPTHS
from contrastive_nas.spaces.mobilenet_v3 import MobileNetV3
from contrastive_nas.training.data.prepare import Preprocessing
from contrastive_nas.training.supernet.shared_weights import Supernet
from contrastive_nas.training.supernet.weights_file import SupernetHeader, save_supernet

_SHOWN = 5
_COUNTER = "num_batches_tracked"
# Share of the resized image in the authors' tests.
_CROP_FRACTION = 0.875


def import_once_for_all(path: Path, output: Path, width: float = 1.0, valid_images: int = 10_000) -> None:
    """Write a published supernet as a file of this project.

    Args:
        path: the published file, or the same weights as safetensors.
        output: of the supernet.
        width: factor of widths: 1.0 or 1.2, as the name of the file says.
        valid_images: training images to hold out for accuracies; the published training has seen them.

    Raises:
        InputError: no such file, or weights that are missing, too many or of other shapes.
    """
    supernet = read_once_for_all(path, width)
    classes = supernet.get_parameter("weights.head.5.bias").numel()
    mean, std = (
        [255.0 * value for value in moments] for moments in (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD)
    )
    header = SupernetHeader(
        space="mobilenet_v3",
        space_options={"width": width},
        preprocessing=Preprocessing(
            3, supernet.space.input_shape[1], tuple(mean), tuple(std), _CROP_FRACTION
        ),
        classes=tuple(map(str, range(classes))),
        data=None,
        recipe=f"once-for-all, {path.name}",
        train_images=None,
        valid_images=valid_images,
    )
    save_supernet(supernet, header, output)


def read_once_for_all(path: Path, width: float = 1.0) -> Supernet:
    """Return the supernet of a published file; as :func:`import_once_for_all` reads it."""
    given = {
        name.replace(".mobile_inverted_conv.", ".conv."): value for name, value in _weights(path).items()
    }
    supernet = Supernet(MobileNetV3(width))
    state: dict[str, Tensor] = {}
    missing, misshapen = [], []
    for name, own in supernet.state_dict().items():
        theirs = published_name(name.removeprefix("weights."))
        found = given.pop(theirs, own if theirs.endswith(_COUNTER) else None)
        if found is None:
            missing.append(theirs)
        elif found.shape != own.shape:
            misshapen.append(f"{theirs} is {list(found.shape)}, not {list(own.shape)}")
        else:
            state[name] = found
    unknown = [name for name in given if not name.endswith(_COUNTER)]
    problems = {"missing": missing, "of another shape": misshapen, "unknown": unknown}
    reasons = [
        f"{len(names)} weights are {what}: {', '.join(names[:_SHOWN])}"
        for what, names in problems.items()
        if names
    ]
    if reasons:
        raise InputError(
            f"{path} is not a supernet of Once-for-All's MobileNetV3 of width {width:g}: {'; '.join(reasons)}"
        )
    supernet.load_state_dict(state)
    return supernet.eval()


def published_name(name: str) -> str:
    """Return the published name of a shared weight of :class:`MobileNetV3`'s supernet."""
    part, _, rest = name.partition(".")
    if part == "stem":
        return f"first_conv.{_unit(rest)}"
    if part == "head":
        number, _, weight = rest.partition(".")
        places = {"0": "final_expand_layer", "2": "feature_mix_layer.conv", "5": "classifier.linear"}
        return f"{places[number]}.{_unit(weight) if number == '0' else weight}"
    if part == "first":
        _, number, weight = rest.split(".", 2)
        return f"blocks.0.conv.{('depth_conv', 'point_linear')[int(number)]}.{_unit(weight)}"
    layer, _, number, weight = rest.split(".", 3)
    block = (int(part.removeprefix("stage")) - 1) * max(DEPTHS) + int(layer.removeprefix("layer"))
    squeeze = weight.startswith("weights.")
    if squeeze:
        _, place, weight = weight.split(".")
        return f"blocks.{block}.conv.depth_conv.se.fc.{'reduce' if place == '1' else 'expand'}.{weight}"
    place = ("inverted_bottleneck", "depth_conv", "point_linear", "point_linear")[int(number)]
    unit = _unit(weight)
    inner = unit.partition(".")[0]
    # Matrices lie beside the convolution, not in it.
    doubled = unit if unit.endswith("_matrix") else f"{inner}.{unit}"
    return f"blocks.{block}.conv.{place}.{doubled}"


def _unit(name: str) -> str:
    """``0.weight`` and ``1.bias`` of a convolution with batch norm, as ``conv.weight`` and ``bn.bias``."""
    number, _, weight = name.partition(".")
    return f"{('conv', 'bn')[int(number)]}.{weight}"


def _weights(path: Path) -> dict[str, Tensor]:
    try:
        content: Any = (
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except (OSError, SafetensorError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path} cannot be read as a file of weights: {reason}") from None
    content = content.get("state_dict", content) if isinstance(content, dict) else content
    tensors = isinstance(content, dict) and all(isinstance(value, Tensor) for value in content.values())
    if not tensors:
        raise InputError(f"{path} holds {type(content).__name__}, not weights by their names")
    return {str(name): value for name, value in content.items()}
