"""The recipe of short trainings; free of heavy imports, because pipelines check it before anything runs."""

from pydantic import BaseModel, ConfigDict, Field


class ShortRecipe(BaseModel):
    """SGD with Nesterov momentum; the learning rate rises and falls linearly.

    Attributes:
        epochs: passes over the training images.
        batch_size: images per update; what is left at the end of an epoch is left out.
        learning_rate: at its peak.
        warm_up: share of the updates before the peak.
        momentum: of SGD.
        weight_decay: on all weights.
        label_smoothing: of the cross-entropy.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(default=5, ge=1)
    batch_size: int = Field(default=50, ge=2)
    learning_rate: float = Field(default=0.05, gt=0)
    warm_up: float = Field(default=0.25, gt=0, lt=1)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(default=5e-4, ge=0)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
