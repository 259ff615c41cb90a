"""Rankers by name, the same in parameters, tables and code; each is imported when it is asked for."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from contrastive_nas.errors import InputError, instead
from contrastive_nas.identity import is_plain
from contrastive_nas.typed import describe_validation, is_model
from contrastive_nas.user_code import load_named

if TYPE_CHECKING:
    from contrastive_nas.ranking.base import Ranker

# Options may be objects of any class; plain data is then refused.
_ANY_TYPE = ConfigDict(arbitrary_types_allowed=True)
_MAKERS = "contrastive_nas.ranking.making"
# Names of the proxies are those of ``zero_cost.proxies.PROXY_NAMES``, which a test compares.
_PROXIES = (
    "synflow", "snip", "gradient_norm", "zico", "naswot", "jacobian_covariance",
    "expressivity", "progressivity", "trainability", "vkdnw",
)  # fmt: skip
_RANKERS = {
    "transfer": "contrastive_nas.ranking.transfer.ranker:TransferRanker",
    "stacked": "contrastive_nas.ranking.transfer.ranker:StackedRanker",
    "kriging": "contrastive_nas.ranking.transfer.ranker:KrigingRanker",
    "comparator": "contrastive_nas.ranking.comparator.ranker:ComparatorRanker",
    "comparator_self_training": f"{_MAKERS}:comparator_self_training",
    "comparator_squared_error": f"{_MAKERS}:comparator_squared_error",
    "comparator_described_graphs": f"{_MAKERS}:comparator_described_graphs",
    "gaussian_process": "contrastive_nas.ranking.gaussian_process.ranker:GaussianProcessRanker",
    "ctnas": "contrastive_nas.ranking.baselines.ctnas:CtnasRanker",
    "regression": "contrastive_nas.ranking.baselines.regression:RegressionRanker",
    "trees": f"{_MAKERS}:trees",
    "process": f"{_MAKERS}:process",
    "trees_and_process": f"{_MAKERS}:trees_and_process",
    "statistics_trees": f"{_MAKERS}:statistics_trees",
    "statistics_process": f"{_MAKERS}:statistics_process",
    "statistics_trees_and_process": f"{_MAKERS}:statistics_trees_and_process",
    "statistics_and_proxies": f"{_MAKERS}:statistics_and_proxies",
    "macs": f"{_MAKERS}:macs",
    "parameters": f"{_MAKERS}:parameters",
    "az_nas": f"{_MAKERS}:az_nas",
    "vkdnw_aggregate": f"{_MAKERS}:vkdnw_aggregate",
    "stacked_and_az_nas": f"{_MAKERS}:stacked_and_az_nas",
    "stacked_and_vkdnw": f"{_MAKERS}:stacked_and_vkdnw",
    **{name: f"{_MAKERS}:{name}" for name in _PROXIES},
}

# Told apart here, so that no run imports a ranker only to learn that it needs no encoder.
_BY_ENCODER = frozenset(
    {"transfer", "stacked", "kriging", "comparator", "comparator_self_training", "comparator_squared_error"}
    | {"regression", "stacked_and_az_nas", "stacked_and_vkdnw"}
)


def list_rankers(pattern: str = "*") -> list[str]:
    """Return names of the rankers that match a pattern of the shell, such as ``comparator*``."""
    return sorted(name for name in _RANKERS if fnmatchcase(name, pattern))


def create_ranker(name: str, **options: Any) -> "Ranker":
    """Return a ranker by its name, or a user's own by ``path/to/file.py:Class`` or ``package.module:Class``.

    Args:
        name: one of :func:`list_rankers`, or a place with a colon.
        options: of the ranker. Those that several take: ``space`` (of the architectures), ``model`` (what
            other spaces taught), ``features`` (of an encoder), ``proxies`` (a table of zero-cost scores).

    Raises:
        InputError: no such ranker, an option that it does not take, or one that it needs is missing.
    """
    from contrastive_nas.ranking.base import Ranker

    make = ranker_maker(name)
    options = read_ranker_options(name, options)
    missing = [option for option, needed in _options(make).items() if needed and option not in options]
    if missing:
        raise InputError(f"ranker {name!r} needs the option {', '.join(missing)}")
    try:
        ranker = make(**options)
    except Exception as error:
        if isinstance(error, InputError) or name in _RANKERS:
            raise
        raise InputError(f"ranker {name!r} cannot be made: {type(error).__name__}: {error}") from error
    if not isinstance(ranker, Ranker):
        raise InputError(f"ranker {name!r} is not a contrastive_nas.ranking.base.Ranker")
    return ranker


def create_ranker_with(name: str, offered: Mapping[str, Callable[[], Any]], **options: Any) -> "Ranker":
    """Return :func:`create_ranker` with those of the offered options that the ranker takes; only these are
    made.

    Args:
        name: as of :func:`create_ranker`.
        offered: makes each option, by its name.
        options: take the place of what is offered.

    Raises:
        InputError: as :func:`create_ranker`.
    """
    taken = [option for option in ranker_options(name) if option in offered and option not in options]
    return create_ranker(name, **{option: offered[option]() for option in taken}, **options)


def ranker_options(name: str) -> list[str]:
    """Return names of the options that a ranker takes.

    Raises:
        InputError: there is no such ranker.
    """
    return list(_options(ranker_maker(name)))


def check_ranker_name(name: str) -> None:
    """Raise InputError where no ranker has this name; nothing is imported."""
    if name not in _RANKERS and ":" not in name:
        raise InputError(f"ranker {name!r} is unknown{instead(name, list(_RANKERS))}")


def read_ranker_options(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options with plain data, as parameters hold it, in the types that a ranker takes.

    Nothing is imported where there are no options.

    Raises:
        InputError: the ranker does not take an option, or not that value.
    """
    if not options:
        return {}
    make = ranker_maker(name)
    known = list(_options(make))
    for option in options:
        if option not in known:
            raise InputError(f"ranker {name!r} has no option {option!r}{instead(option, known)}")
    types = option_types(make)
    return {
        option: _read(name, option, value, types[option]) if is_plain(value) else value
        for option, value in options.items()
    }


def option_types(make: Callable[..., Any]) -> dict[str, Any]:
    """Return the annotation of every option; Any where there is none, or one that only type checkers can
    read.
    """
    try:
        taken = inspect.signature(make, eval_str=True).parameters
    except (NameError, AttributeError):
        return dict.fromkeys(_options(make), Any)
    empty = inspect.Parameter.empty
    return {
        option: Any if parameter.annotation is empty else parameter.annotation
        for option, parameter in taken.items()
    }


def _read(name: str, option: str, value: Any, annotation: Any) -> Any:
    try:
        config = None if is_model(annotation) else _ANY_TYPE  # a model has its own
        return TypeAdapter(annotation, config=config).validate_python(value)
    except ValidationError as error:
        reasons = describe_validation(error, annotation, f"options.{option}")
        raise InputError(f"ranker {name!r}: {'; '.join(reasons)}") from None


def takes_encoder(name: str) -> bool:
    """Return whether a ranker looks at networks by a pretrained encoder."""
    return name in _BY_ENCODER if name in _RANKERS else "features" in ranker_options(name)


def ranker_maker(name: str) -> Callable[..., Any]:
    """Return what makes a ranker when it is called with its options: a class or a function.

    Raises:
        InputError: there is no such ranker.
    """
    check_ranker_name(name)
    if name in _RANKERS:
        module, maker = _RANKERS[name].split(":")
        found: Callable[..., Any] = getattr(importlib.import_module(module), maker)
        return found
    own = load_named(name, "ranker")
    if not callable(own):
        raise InputError(f"ranker {name!r}: the file has no class or function of that name")
    return own


def _options(make: Callable[..., Any]) -> dict[str, bool]:
    """Names of options, and whether each has to be given."""
    taken = inspect.signature(make).parameters.values()
    return {option.name: option.default is inspect.Parameter.empty for option in taken}
