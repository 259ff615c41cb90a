"""Parameters of retraining."""

from typing import Any, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from contrastive_nas.training.config import DataSettings, Export, Precision
from contrastive_nas.training.recipe import RecipeChoice, list_recipes


class RetrainParameters(RecipeChoice):
    """How the found architecture is trained in full.

    Attributes:
        architecture: Architecture to train, as a string of the space. ``null`` takes the best one of the
            search.
        start: Weights to start from. ``scratch``: fresh ones. ``supernet``: those that the network inherits
            from the supernet of the experiment.
        space_options: Options of the space that replace those of the search, such as ``classes``.
        data: Images to train and to test on.
        processes: Number of training processes, one a device. 0 takes all CUDA devices, or one process on the
            processor where there is none.
        precision: Number format of the training.
        accumulation: Number of forward passes per weight update on every device. The batch of an update grows
            by it.
        compile: Whether ``torch.compile`` compiles the network.
        channels_last: Whether images and weights lie in memory with channels last, which is faster on most
            GPUs.
        test_every: Number of epochs between two tests. The last epoch is always tested.
        teacher: File with the exported weights of a network to distil from. ``null`` for none.
        exports: Formats to export besides safetensors.
    """

    architecture: str | None = None
    start: Literal["scratch", "supernet"] = "scratch"
    space_options: dict[str, Any] = Field(default_factory=dict)
    data: DataSettings = DataSettings(kind="digits", name="digits", workers=0)
    recipe: str = Field(default="digits", examples=list_recipes())
    processes: NonNegativeInt = 0
    precision: Precision = "32-true"
    accumulation: PositiveInt = 1
    compile: bool = False
    channels_last: bool = False
    test_every: PositiveInt = 1
    teacher: str | None = None
    exports: tuple[Export, ...] = ("onnx", "timm")
