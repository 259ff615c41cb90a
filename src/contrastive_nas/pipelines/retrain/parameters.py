"""Parameters of retraining."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt

from contrastive_nas.training.config import DataSettings, Export, Precision


class RetrainParameters(BaseModel):
    """How the found architecture is trained.

    Attributes:
        architecture: a network of the space; None for the best of the search.
        space_options: replace those of the search, e.g. the number of classes.
        data: images.
        recipe: name of a recipe, or a YAML file.
        overrides: values that replace those of the recipe.
        processes: one per device; 0 takes all CUDA devices, or one process without any.
        precision: ``32-true``, ``bf16-mixed`` or ``16-mixed``.
        accumulation: forward passes per update on every device.
        compile: whether torch compiles the network.
        channels_last: memory format of network and images.
        test_every: epochs between two tests.
        teacher: exported weights of a network to learn from.
        exports: formats beside safetensors.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    architecture: str | None = None
    space_options: dict[str, Any] = Field(default_factory=dict)
    data: DataSettings = DataSettings(kind="digits", name="digits", workers=0)
    recipe: str = "digits"
    overrides: dict[str, Any] = Field(default_factory=dict)
    processes: NonNegativeInt = 0
    precision: Precision = "32-true"
    accumulation: PositiveInt = 1
    compile: bool = False
    channels_last: bool = False
    test_every: PositiveInt = 1
    teacher: str | None = None
    exports: tuple[Export, ...] = ("onnx", "timm")
