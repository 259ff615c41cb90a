"""Lets ``python -m contrastive_nas`` run pipelines, as Kedro does for packaged projects."""

import sys
from pathlib import Path
from typing import Any

from kedro.framework.cli.utils import find_run_command
from kedro.framework.project import configure_project


def main(*args: str, **kwargs: Any) -> Any:
    """Run the project's ``run`` command with the arguments of the command line."""
    package_name = Path(__file__).parent.name
    configure_project(package_name)
    run = find_run_command(package_name)
    return run(*args, **kwargs)


if __name__ == "__main__":
    sys.exit(main())
