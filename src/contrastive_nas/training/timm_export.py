"""Networks of search spaces as models of timm: ``timm.create_model("local-dir:FOLDER", pretrained=True)``.

Importing this module registers the model with timm.
"""

import json
from pathlib import Path
from typing import Any

import yaml
from safetensors.torch import save_file
from timm.models import build_model_with_cfg, register_model
from torch import Tensor, nn

from contrastive_nas.files import atomic_path
from contrastive_nas.training.export import Header
from contrastive_nas.training.network import NetworkName, build_network

MODEL = "contrastive_nas_network"
_CARD = """# {architecture}

A network of the search space `{space}`, found and trained with contrastive-nas.

| | |
|---|---|
| data set | {dataset} |
| recipe | {recipe} |
| test top-1 accuracy | {top1:.2f} % |
| test top-5 accuracy | {top5:.2f} % |
| multiply-accumulates | {macs:,} |
| parameters | {parameters:,} |
| image | {channels} x {size} x {size} |

```python
import timm
import contrastive_nas.training.timm_export  # registers the model

model = timm.create_model("local-dir:path/to/this/folder", pretrained=True).eval()
transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
```
"""


class SpaceNetwork(nn.Module):
    """A network of a search space with the attributes that timm asks for.

    Args:
        space: name of a space.
        space_options: its options.
        architecture: a network of the space.
        image_size: edge of the images in pixels.
        num_classes: must be the network's outputs; timm passes it.
        in_chans: must be the network's image channels; timm passes it.
    """

    def __init__(
        self,
        space: str,
        space_options: dict[str, Any],
        architecture: str,
        image_size: int,
        num_classes: int | None = None,
        in_chans: int | None = None,
    ) -> None:
        super().__init__()
        built = build_network(NetworkName(space, space_options, architecture), image_size)
        for name, wanted, found in (
            ("num_classes", num_classes, built.classes),
            ("in_chans", in_chans, built.channels),
        ):
            if wanted not in (None, found):
                raise ValueError(
                    f"{name} is {found} for this network; set it in space_options, not as {wanted}"
                )
        self.network = built.network
        self.num_classes = built.classes
        self.in_chans = built.channels

    def forward(self, images: Tensor) -> Tensor:
        """Return logits, (batch, classes), of normalised images."""
        return self.network(images)


def contrastive_nas_network(pretrained: bool = False, **options: Any) -> SpaceNetwork:
    """Return timm's entry point; ``options`` are those of :class:`SpaceNetwork` and of timm's builder."""
    return build_model_with_cfg(SpaceNetwork, MODEL, pretrained, **options)


contrastive_nas_network.__module__ = __name__
register_model(contrastive_nas_network)


def export_timm(network: nn.Module, header: Header, macs: int, folder: Path) -> None:
    """Write ``config.json``, ``model.safetensors`` and a model card that timm's loaders understand."""
    weights = {f"network.{name}": value.cpu().contiguous() for name, value in network.state_dict().items()}
    with atomic_path(folder / "model.safetensors") as partial:
        save_file(weights, partial, metadata={"format": "pt"})
    with atomic_path(folder / "config.json") as partial:
        partial.write_text(json.dumps(_config(header), indent=2), encoding="utf-8")
    with atomic_path(folder / "README.md") as partial:
        parameters = sum(weight.numel() for weight in network.parameters())
        partial.write_text(_card(header, macs, parameters), encoding="utf-8")


def _config(header: Header) -> dict[str, Any]:
    preprocessing = header.preprocessing
    return {
        "architecture": MODEL,
        "num_classes": len(header.classes),
        "label_names": list(header.classes),
        "model_args": {
            "space": header.name.space,
            "space_options": header.name.space_options,
            "architecture": header.name.architecture,
            "image_size": preprocessing.size,
            "in_chans": preprocessing.channels,
        },
        "pretrained_cfg": {
            "input_size": [preprocessing.channels, preprocessing.size, preprocessing.size],
            "fixed_input_size": False,
            "interpolation": "bicubic",
            "crop_pct": preprocessing.crop_fraction or 1.0,
            "mean": [value / 255.0 for value in preprocessing.mean],
            "std": [value / 255.0 for value in preprocessing.std],
            "num_classes": len(header.classes),
        },
    }


def _card(header: Header, macs: int, parameters: int) -> str:
    facts = {
        "library_name": "timm",
        "tags": ["image-classification", "timm", "neural-architecture-search"],
        "pipeline_tag": "image-classification",
        "datasets": [header.dataset],
    }
    text = _CARD.format(
        architecture=header.name.architecture,
        space=header.name.space,
        dataset=header.dataset,
        recipe=header.recipe,
        top1=header.test_top1_accuracy,
        top5=header.test_top5_accuracy,
        macs=macs,
        parameters=parameters,
        channels=header.preprocessing.channels,
        size=header.preprocessing.size,
    )
    return f"---\n{yaml.safe_dump(facts)}---\n{text}"
