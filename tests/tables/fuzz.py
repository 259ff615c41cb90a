"""Damages files of every format in every way and reads them: ``python fuzz.py SEED CASES [NAME]``.

A child process of the tests, so that a crash or a memory hunger of its own would be seen. Prints one JSON
object.
"""

import faulthandler
import json
import os
import random
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from pathlib import Path

from fuzz_samples import SAMPLES, Sample
from fuzz_structures import MARKER
from peak_memory import peak_bytes

from contrastive_nas.errors import InputError
from contrastive_nas.tables import SourceTable, detect, read_table
from contrastive_nas.tables.base import is_accuracy

# Every third file keeps its form and says something else; all others are damaged anywhere.
CHANGED = 3
JUNK = (
    b"\0",
    b"\xff",
    b"-1",
    b"1e999",
    b"NaN",
    b"null",
    b"[[[[",
    b"{}",
    b'"',
    b",",
    b"\n",
    b"\x80\x02",
    b"9" * 400,
)


def damaged(content: bytes, random_: random.Random) -> bytes:
    """The content cut off, with flipped bits, overwritten, with huge numbers, doubled or shortened parts."""
    data = bytearray(content)
    place = random_.randrange(len(data))
    kind = random_.randrange(8)
    if kind == 0:
        del data[place:]
    elif kind == 1:
        for _ in range(random_.randint(1, 8)):
            data[random_.randrange(len(data))] ^= 1 << random_.randrange(8)
    elif kind == 2:
        data[place : place + random_.choice((1, 2, 4, 8))] = b"\xff" * random_.choice((1, 2, 4, 8))
    elif kind == 3:
        data[place : place + 4] = random_.choice((b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\0"))
    elif kind == 4:
        data[place:place] = random_.choice(JUNK) * random_.choice((1, 1, 50))
    elif kind == 5:
        del data[place : place + random_.randint(1, 40)]
    elif kind == 6:
        data[place:place] = data[place : place + random_.randint(1, 200)]
    else:
        data[place : place + 16] = random_.randbytes(random_.randint(1, 16))
    return bytes(data)


def check(table: SourceTable, whole: SourceTable, sample: Sample, cut: bool) -> None:
    """What is read from a damaged file is a valid table; from a cut-off one, nothing that looks whole."""
    assert len(table.frame) > 0
    assert table.frame.architecture.map(lambda a: isinstance(a, str) and a != "").all()
    assert table.frame.architecture.is_unique or "space" in table.frame.columns
    for column in filter(is_accuracy, table.frame.columns):
        values = table.frame[column].dropna()
        assert values.between(0, 100).all()
    if cut:
        assert sample.may_shorten or table.problem_count, "a file that was cut off was read as whole"
        assert set(table.frame.architecture) <= set(whole.frame.architecture) | {"", "a", "b", "c"}


def read_damaged(path: Path, content: bytes, whole: SourceTable, sample: Sample) -> str:
    """Reads one damaged file in both ways; says what came of it."""
    outcome = "refused"
    for on_error in ("stop", "skip"):
        try:
            table = read_table(path, source=sample.source, on_error=on_error, validate=_anything)
        except InputError:
            continue
        cut = len(content) < len(sample.content) and sample.content.startswith(content)
        check(table, whole, sample, cut and on_error == "stop")
        outcome = "read"
    detect(path)
    return outcome


def _anything(architecture: str) -> None:
    """Takes every text as an architecture."""


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def run(name: str, cases: int, seed: int, folder: Path) -> dict[str, int]:
    sample = SAMPLES[name]
    original, path = folder / "original", folder / "damaged"
    sample.write(original, sample.content)
    assert detect(original) == sample.source, name
    whole = read_table(original, validate=_anything)
    outcomes: Counter[str] = Counter()
    for case in range(cases):
        random_ = random.Random(f"{name} {seed} {case}")
        change = sample.change if sample.change and case % CHANGED == 0 else damaged
        content = change(sample.content, random_)
        sample.write(path, content)
        try:
            outcomes[read_damaged(path, content, whole, sample)] += 1
        except Exception:
            outcomes["failed"] += 1
            sys.stderr.write(f"{name}, seed {seed}, case {case}\n{traceback.format_exc()}\n")
        remove(path)
        assert not Path(MARKER).exists(), (
            f"{name}, seed {seed}, case {case}: what the file asks for was called"
        )
    remove(original)
    return dict(outcomes)


def main() -> None:
    faulthandler.enable()
    seed, cases = int(sys.argv[1]), int(sys.argv[2])
    names = sys.argv[3:] or list(SAMPLES)
    with tempfile.TemporaryDirectory() as folder:
        # Where a file that is made to run something would leave its mark.
        os.chdir(folder)
        counts = {name: run(name, cases, seed, Path(folder)) for name in names}
    sys.stdout.write(json.dumps({"counts": counts, "peak_bytes": peak_bytes()}))


if __name__ == "__main__":
    main()
