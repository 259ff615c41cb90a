"""Search spaces by name, or by the file and class of a user's own."""

import inspect
from typing import Any

from contrastive_nas.errors import InputError, instead
from contrastive_nas.spaces.base import SearchSpace
from contrastive_nas.user_code import load_named

_SPACES = {
    "compact_cnn": "contrastive_nas.spaces.compact_cnn:CompactCNN",
    "darts": "contrastive_nas.spaces.darts:DARTS",
    "mnasnet": "contrastive_nas.spaces.mnasnet:MnasNet",
    "mobilenet_v3": "contrastive_nas.spaces.mobilenet_v3:MobileNetV3",
    "nasbench101": "contrastive_nas.spaces.nasbench101:NASBench101",
    "nasbench201": "contrastive_nas.spaces.nasbench201:NASBench201",
    "proxyless": "contrastive_nas.spaces.proxyless:Proxyless",
    "resnet50": "contrastive_nas.spaces.resnet50:ResNet50",
    "transnas_macro": "contrastive_nas.spaces.transnas_macro:TransNASMacro",
}


def list_spaces() -> list[str]:
    """Return names of the spaces of this package."""
    return sorted(_SPACES)


def load_space(name: str, **options: Any) -> SearchSpace:
    """Return the space of that name, or of a class ``path/to/file.py:Class`` or ``package.module:Class``.

    Raises:
        InputError: no such space, file or class, or options that it does not take.
    """
    target = _SPACES.get(name, name)
    module_name, separator, class_name = target.rpartition(":")
    if not separator:
        known = [*list_spaces(), "path/to/file.py:Class"]
        raise InputError(f"space {name!r} is unknown{instead(name, known)}")
    space_class = load_named(target, "space")
    if not (inspect.isclass(space_class) and issubclass(space_class, SearchSpace)):
        raise InputError(f"space {name!r}: {module_name} has no SearchSpace class {class_name!r}")
    signature = inspect.signature(space_class)
    for option in options:
        if option not in signature.parameters:
            known = list(signature.parameters)
            raise InputError(f"space {name!r} has no option {option!r}{instead(option, known)}")
    try:
        signature.bind(**options)
    except TypeError as error:
        raise InputError(f"space {name!r}: {error}") from None
    return space_class(**options)
