"""The reference of parameters as text: a parameter file with comments, and a page of tables."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from contrastive_nas.errors import InputError
from contrastive_nas.parameter_reference.describing import Missing, Parameter

COMMAND = "make parameters"
NOTICE = f"""\
# Values that are set stand as they are, all others with their defaults behind a "#". To change one, delete
# its "#" and those of the blocks around it. `{COMMAND}` writes the comments anew and keeps the values.
"""
# Of a line of a parameter file, as of every line of the project.
_WIDTH = 110
_INDENT = "  "


def parameter_file(parameters: Iterable[Parameter], values: Mapping[str, Any]) -> str:
    """Return a parameter file in which every parameter stands once, with a comment.

    Args:
        parameters: what the file may set, blocks before what they hold.
        values: what it sets.

    Raises:
        InputError: a value is set that no parameter takes.
    """
    known = [parameter for parameter in parameters if _is_settable(parameter)]
    unknown = _leaves(values, {one.name for one in known if not one.is_block}) - {one.name for one in known}
    if unknown:
        raise InputError(f"no parameter has the name {', '.join(sorted(unknown))}")
    lines = [line for parameter in known for line in _lines(parameter, values)]
    return NOTICE + "\n".join(lines) + "\n"


def _is_settable(parameter: Parameter) -> bool:
    """Whether the name is one of YAML, and no pattern of names."""
    return all(part.isidentifier() and part.islower() for part in parameter.name.split("."))


def _leaves(values: Mapping[str, Any], whole: set[str], within: str = "") -> set[str]:
    """Names of all that is set; blocks of free content count as one value."""
    found: set[str] = set()
    for key, value in values.items():
        name = f"{within}{key}"
        nested = isinstance(value, Mapping) and name not in whole
        found |= (_leaves(value, whole, f"{name}.") | {name}) if nested else {name}
    return found


def _lines(parameter: Parameter, values: Mapping[str, Any]) -> Iterator[str]:
    *blocks, key = parameter.name.split(".")
    indent = _INDENT * len(blocks)
    block: Any = values
    for name in blocks:
        block = block.get(name) if isinstance(block, Mapping) else None
    is_set = isinstance(block, Mapping) and key in block
    if not blocks:
        yield ""
    yield from _wrapped(parameter.meaning, _facts(parameter, is_set), f"{indent}# ")
    start = f"{indent}{key}:" if is_set else f"{indent}#{key}:"
    if parameter.is_block:
        yield start
    else:
        yield f"{start} {_yaml(block[key] if is_set else _shown_default(parameter))}"


def _shown_default(parameter: Parameter) -> Any:
    return None if isinstance(parameter.default, Missing) else parameter.default


def _wrapped(meaning: str, facts: str, indent: str) -> list[str]:
    """One line where both fit, else the facts by themselves."""
    wrapper = textwrap.TextWrapper(
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    together = wrapper.wrap(f"{meaning} {facts}")
    return together if len(together) == 1 else wrapper.wrap(meaning) + wrapper.wrap(facts)


def _facts(parameter: Parameter, is_set: bool) -> str:
    """Type and bounds; and the default, where the line below shows another value."""
    if parameter.is_block:
        return ""
    facts = [parameter.type, parameter.bounds]
    if isinstance(parameter.default, Missing):
        facts.append("has to be given")
    elif is_set:
        facts.append(f"default `{_yaml(parameter.default)}`")
    return f"({'; '.join(filter(None, facts))})"


def _yaml(value: Any) -> str:
    """A value in one line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, width=float("inf"), sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")


def table(parameters: Iterable[Parameter]) -> str:
    """Return parameters as a table in Markdown."""
    lines = ["| name | type | default | bounds | meaning |", "|---|---|---|---|---|"]
    for parameter in parameters:
        kind, default = parameter.type, ""
        if parameter.is_block:
            kind = "block"
        elif isinstance(parameter.default, Missing):
            default = "has to be given"
        else:
            default = f"`{_yaml(parameter.default)}`"
        cells = (f"`{parameter.name}`", kind, default, parameter.bounds, parameter.meaning)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"
