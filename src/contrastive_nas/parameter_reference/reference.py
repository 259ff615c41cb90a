"""Every text of the reference, from the parameters that the pipelines take."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from contrastive_nas.errors import InputError
from contrastive_nas.execution.parameters import parameter_types
from contrastive_nas.parameter_reference.describing import Parameter, describe, describe_options, summary
from contrastive_nas.parameter_reference.writing import COMMAND, parameter_file, table
from contrastive_nas.pipeline_registry import CHAIN, ON_REQUEST, register_pipelines
from contrastive_nas.ranking.registry import list_rankers, ranker_maker
from contrastive_nas.spaces import list_spaces, load_space
from contrastive_nas.training.recipe import Recipe, list_recipes, load_recipe

SHARED = "parameters.yml"
# The report takes none.
FILES = (SHARED, *(f"parameters_{stage}.yml" for stage in (*CHAIN, *ON_REQUEST) if stage != "report"))
PAGE = Path("docs") / "parameters.md"
HEAD = f"""\
# Parameters

Every parameter of every stage. `conf/base` holds the same list with the values of the embedded experiment.
Set your own in `conf/local/parameters.yml`, or for one run on the command line:

```bash
kedro run --pipeline search --params search.queries=100,search.evolution.population=200
```

A parameter that does not exist, or a value that is out of bounds, ends a run before anything is computed,
with the name that was probably meant. Text, numbers and lists are YAML; `null` is no value.

This page is made from the classes of the parameters by `{COMMAND}`.
"""


def reference(project: Path) -> dict[Path, str]:
    """Return the text of every parameter file in ``conf/base``, and of the page, by path.

    Args:
        project: folder of the project.

    Raises:
        InputError: a parameter file is not there, or sets what no stage takes.
    """
    types = parameter_types(register_pipelines())
    texts, sections = {}, []
    for name in FILES:
        path = project / "conf" / "base" / name
        values = _read(path)
        unknown = [key for key in values if key not in types]
        if unknown:
            raise InputError(f"{path}: no stage takes {', '.join(unknown)}")
        known = [parameter for key in values for parameter in describe(key, types[key])]
        texts[path] = parameter_file(known, values)
        title = "Shared by the stages" if name == SHARED else f"Stage `{_stage(name)}`"
        sections.append(f"## {title}\n\n{table(known)}")
    texts[project / PAGE] = "\n".join([HEAD, *sections, _recipes(), _rankers(), _spaces()])
    return texts


def _stage(name: str) -> str:
    return Path(name).stem.removeprefix("parameters_")


def _read(path: Path) -> dict[str, Any]:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None


def _recipes() -> str:
    names = "\n".join(f"- `{name}`: {load_recipe(name).source}" for name in list_recipes())
    _, *content = describe("recipe", Recipe)
    inner = (replace(parameter, name=parameter.name.removeprefix("recipe.")) for parameter in content)
    return (
        "## Recipes\n\n"
        "The recipes that `evaluator.training.recipe` and `retrain.recipe` may name:\n\n"
        f"{names}\n\n"
        "A recipe of your own is a YAML file with these values. `overrides` replaces some of them, as in\n"
        "`evaluator: {training: {overrides: {epochs: 50, optimizer: {learning_rate: 0.05}}}}`.\n\n"
        f"{table(inner)}"
    )


def _rankers() -> str:
    makers = {name: ranker_maker(name) for name in list_rankers()}
    options = {name: list(describe_options(make)) for name, make in makers.items()}
    without = ", ".join(f"`{name}`" for name, known in options.items() if not known)
    text = "## Options of the rankers\n\nFor `search.ranker.options`. Without options: " + without + ".\n"
    return text + "".join(_options(name, summary(makers[name]), known) for name, known in options.items())


def _spaces() -> str:
    spaces = {name: type(load_space(name)) for name in list_spaces()}
    text = "## Options of the search spaces\n\nFor `space.options` and `retrain.space_options`.\n"
    return text + "".join(
        _options(name, summary(space), list(describe_options(space))) for name, space in spaces.items()
    )


def _options(name: str, about: str, options: list[Parameter]) -> str:
    return f"\n### `{name}`\n\n{about}\n\n{table(options)}" if options else ""
