"""Networks that timm and torchvision know by name, without weights."""

from collections.abc import Callable
from contextlib import suppress
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Any

from contrastive_nas.errors import InputError, instead

if TYPE_CHECKING:
    from torch import nn

LIBRARIES = ("timm", "torchvision")
ImageShape = tuple[int, int, int]
_CHANNELS = 3
# Both libraries have it.
_KNOWN = "resnet18"
# torchvision does not say which size its networks take: all but this one were trained on 224 pixels.
_SIZE, _SIZES = 224, {"inception_v3": 299}
# Their auxiliary heads act in training alone, and their own initial weights take seconds to draw.
_WITH_HEADS = {"googlenet", "inception_v3"}


def list_networks(library: str, pattern: str = "*") -> list[str]:
    """Return names of a library's networks for classifying images, in the order of the alphabet.

    Args:
        library: ``timm`` or ``torchvision``.
        pattern: ``*`` stands for anything, ``?`` for one letter, ``[ab]`` for one of several.

    Raises:
        InputError: no such library, or no name fits; the message has the most alike name.
    """
    if library not in LIBRARIES:
        raise InputError(f"library {library!r} is unknown{instead(library, LIBRARIES)}")
    known = _names(library)
    found = [name for name in known if fnmatchcase(name, pattern)]
    if not found:
        close = get_close_matches(pattern, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {len(known)}, such as {_KNOWN!r}"
        raise InputError(f"{library} has no network {pattern!r}: {hint}; * stands for any text")
    return found


def build_network(
    library: str, name: str, size: tuple[int, int] | None = None
) -> tuple["nn.Module", ImageShape]:
    """Return a network in evaluation mode, its tensors without data wherever it can be built so.

    Args:
        library: ``timm`` or ``torchvision``.
        name: one of :func:`list_networks`.
        size: height and width of an image; those that it was made for by default.

    Returns:
        The module, and (C, H, W) of one image.

    Raises:
        InputError: no such name, or the library cannot build it for images of that size.
    """
    import torch

    list_networks(library, name)
    build: Callable[..., tuple[nn.Module, ImageShape]] = (
        _build_timm if library == "timm" else _build_torchvision
    )
    try:
        try:
            with torch.device("meta"):
                return build(name, size)
        except (RuntimeError, NotImplementedError):  # some compute their widths with tensors, which need data
            return build(name, size)
    except Exception as error:
        asked = "" if size is None else f" for images of {size[0]} x {size[1]}"
        raise InputError(f"{library} cannot build {name}{asked}: {error}") from error


@cache
def _names(library: str) -> list[str]:
    # Not above: both take seconds to import.
    if library == "timm":
        import timm

        return sorted(timm.list_models())
    import torchvision

    return sorted(torchvision.models.list_models(module=torchvision.models))


def _build_timm(name: str, size: tuple[int, int] | None) -> tuple["nn.Module", ImageShape]:
    import timm

    module: Any = timm.create_model(name, pretrained=False)
    channels, *own = (int(length) for length in module.default_cfg["input_size"])
    if size is not None and list(size) != own:
        # Transformers have to know the size; convolutional networks do not take the argument.
        with suppress(TypeError):
            module = timm.create_model(name, pretrained=False, img_size=size)
    height, width = size or own
    return module.eval(), (channels, height, width)


def _build_torchvision(name: str, size: tuple[int, int] | None) -> tuple["nn.Module", ImageShape]:
    import torchvision

    options: dict[str, object] = {"init_weights": False, "aux_logits": False} if name in _WITH_HEADS else {}
    side = _SIZES.get(name, _SIZE)
    height, width = size or (side, side)
    if name.startswith("vit_") and size is not None:
        options["image_size"] = height
    module: nn.Module = torchvision.models.get_model(name, weights=None, **options)
    return module.eval(), (_CHANNELS, height, width)
