"""What happens to images: one by one on the processor, then batch by batch on the device."""

import torch
from timm.data import IMAGENET_DEFAULT_MEAN, create_transform
from timm.data.random_erasing import RandomErasing
from torch import Tensor
from torchvision import transforms

from contrastive_nas.training.data.feed import Transform
from contrastive_nas.training.recipe import BatchAugmentation, ImageAugmentation

# A processor normalises so many values at once that they stay in its cache.
_CACHED_VALUES = 2**17


def training_transform(augmentation: ImageAugmentation, size: int, channels: int = 3) -> Transform:
    """Return timm's training transform of a PIL image of 1 or 3 channels, still an image of 8 bits at its
    end.
    """
    # Geometric operations fill what they uncover with the mean, which must have as many values as the image.
    mean: tuple[float, ...] = IMAGENET_DEFAULT_MEAN
    if channels == 1:
        mean = (sum(mean) / len(mean),)
    return _without_conversion(
        create_transform(
            size,
            is_training=True,
            use_prefetcher=True,
            scale=(augmentation.min_scale, 1.0),
            hflip=augmentation.flip,
            color_jitter=augmentation.color_jitter,  # type: ignore[arg-type]  # None is none
            auto_augment=augmentation.auto_augment,
            interpolation=augmentation.interpolation,
            mean=mean,
        )
    )


def test_transform(size: int, crop_fraction: float | None) -> Transform:
    """Return timm's test transform: resize and centre crop; without a fraction, a plain resize."""
    if crop_fraction is None:
        return transforms.Resize((size, size), transforms.InterpolationMode.BICUBIC)
    return _without_conversion(
        create_transform(size, use_prefetcher=True, crop_pct=crop_fraction, interpolation="bicubic")
    )


def _without_conversion(transform: transforms.Compose) -> Transform:
    """Leaves out the last step, which would copy the image into a tensor with channels first."""
    return transforms.Compose(transform.transforms[:-1])


class Preparation:
    """From uint8 images on the device to normalised floats, augmented where training.

    Args:
        mean: per channel, of values 0 to 255.
        std: per channel, of values 0 to 255.
        device: where the images are.
        augmentation: of training; None for testing.
        channels_last: whether the floats lie with channels last in memory.
    """

    def __init__(
        self,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        device: torch.device,
        augmentation: BatchAugmentation | ImageAugmentation | None = None,
        channels_last: bool = False,
    ) -> None:
        self._format = torch.channels_last if channels_last else torch.contiguous_format
        self._shift = torch.tensor(mean, device=device).view(1, -1, 1, 1)
        self._scale = 1.0 / torch.tensor(std, device=device).view(1, -1, 1, 1)
        self._batch = augmentation if isinstance(augmentation, BatchAugmentation) else None
        erasing = augmentation.random_erasing if isinstance(augmentation, ImageAugmentation) else 0.0
        self._erase = RandomErasing(erasing, mode="pixel", device=device) if erasing else None

    def __call__(self, images: Tensor) -> Tensor:
        """Float images, (batch, channels, height, width), of uint8 ones; draws from the global generators."""
        if self._batch is not None:
            images = shift_and_flip(images, self._batch.padding, self._batch.flip)
        prepared = self._normalised(images)
        if self._batch is not None and self._batch.cutout:
            prepared = cut_out(prepared, self._batch.cutout)
        return self._erase(prepared) if self._erase is not None else prepared

    def _normalised(self, images: Tensor) -> Tensor:
        prepared = torch.empty_like(images, dtype=torch.float32, memory_format=self._format)
        on_processor = images.device.type == "cpu"
        at_once = max(1, _CACHED_VALUES // images[0].numel()) if on_processor else len(images)
        for part, target in zip(images.split(at_once), prepared.split(at_once), strict=True):
            target.copy_(part).sub_(self._shift).mul_(self._scale)
        return prepared


def shift_and_flip(images: Tensor, padding: int, flip: bool) -> Tensor:
    """Return a random window of every zero-padded image, mirrored with probability one half if ``flip``."""
    if not padding and not flip:
        return images
    batch, _, height, width = images.shape
    device = images.device
    padded = torch.nn.functional.pad(images, [padding] * 4)
    corner = torch.randint(0, 2 * padding + 1, (2, batch, 1), device=device)
    rows = corner[0] + torch.arange(height, device=device)
    columns = torch.arange(width, device=device).expand(batch, -1)
    if flip:
        mirrored = torch.rand(batch, 1, device=device) < 0.5
        columns = torch.where(mirrored, width - 1 - columns, columns)
    columns = columns + corner[1]
    number = torch.arange(batch, device=device)[:, None, None]
    # Gathered as (batch, height, width, channels), seen as channels first.
    return padded.permute(0, 2, 3, 1)[number, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def cut_out(images: Tensor, edge: int) -> Tensor:
    """Return zero in a square of every image whose centre lies anywhere in it."""
    batch, _, height, width = images.shape
    device = images.device
    centre = [torch.randint(0, extent, (batch, 1), device=device) for extent in (height, width)]
    inside = [
        (torch.arange(extent, device=device) >= middle - edge // 2)
        & (torch.arange(extent, device=device) < middle + (edge + 1) // 2)
        for extent, middle in zip((height, width), centre, strict=True)
    ]
    hole = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    return images.masked_fill(hole, 0.0)
