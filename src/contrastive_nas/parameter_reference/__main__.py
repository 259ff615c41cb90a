"""Writes the comments of ``conf/base/parameters*.yml``, and ``docs/parameters.md``.

python -m contrastive_nas.parameter_reference
"""

import sys
from pathlib import Path

from contrastive_nas.errors import InputError
from contrastive_nas.files import atomic_path
from contrastive_nas.parameter_reference.reference import reference


def main(project: Path) -> int:
    """Write what has changed and name it; 1 where a file cannot be read."""
    try:
        texts = reference(project)
    except InputError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    for path, text in texts.items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            with atomic_path(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{path.relative_to(project)} written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path.cwd()))
