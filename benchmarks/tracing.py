"""How many public networks the tracer reads, and whether their costs are right.

    python benchmarks/tracing.py --first 100 --output tracing.csv

All names of ``timm.list_models()`` and torchvision's networks for classification, or the first of a fair
order. For each: traced or the reason why not; parameters of the graph and of the module; multiply-accumulates
of the graph and of ``torch.utils.flop_counter`` on tensors without data, for one image; processor seconds of
the trace; nodes outside the vocabulary. Parameters are compared with those that the module's ``parameters()``
give. What a network computes of its parameters alone, once for all images, costs an image nothing; the flop
counter counts it.

Each network has a process of its own with a limit of processor time, so that none stops the others. Rows are
written one by one: a second run with the same file goes on where the first ended.
"""

import argparse
import csv
import logging
import multiprocessing
import resource
import time
from collections.abc import Iterable
from multiprocessing.connection import Connection
from pathlib import Path

import pandas as pd
import timm
import torch
import torchvision
from torch.utils.flop_counter import FlopCounterMode

from contrastive_nas.errors import InputError
from contrastive_nas.graphs import Operation, trace
from contrastive_nas.graphs.costs import multiply_accumulates, parameters
from contrastive_nas.model_zoo import build_network

COLUMNS = (
    *("library", "name", "result", "reason", "seconds", "nodes", "unknown_nodes"),
    *("parameters", "module_parameters", "macs", "counted_macs"),
)
# What a wrong count could be off by through rounding of shapes; the requirement that costs are held to.
TOLERANCE = 0.01
# Neighbours in the alphabet are variants of one network; names this far apart rarely are.
STRIDE = 40


def names(stride: int) -> list[tuple[str, str]]:
    """Libraries and names: every ``stride``-th first, so that any beginning is a fair sample."""
    # Of torchvision's networks only those for classification; the others take lists of images.
    classifiers = sorted(torchvision.models.list_models(module=torchvision.models))
    every = [("torchvision", name) for name in classifiers] + [("timm", name) for name in timm.list_models()]
    return [name for start in range(stride) for name in every[start::stride]]


def measure(library: str, name: str) -> dict[str, object]:
    """One row."""
    row: dict[str, object] = {"library": library, "name": name}
    try:
        module, shape = build_network(library, name)
    except InputError as error:
        return {**row, "result": "not built", "reason": _line(error)}
    started = time.process_time()
    try:
        graph = trace(module, shape)
    except InputError as error:
        return {**row, "result": "refused", "reason": _line(error)}
    except Exception as error:
        return {**row, "result": "failed", "reason": f"{type(error).__name__}: {_line(error)}"}
    row |= {
        "result": "traced",
        "seconds": round(time.process_time() - started, 2),
        "nodes": len(graph),
        "unknown_nodes": int((graph.op == Operation.UNKNOWN).sum()),
        "parameters": int(parameters(graph.features).sum()),
        "module_parameters": sum(one.numel() for one in module.parameters()),
        "macs": int(multiply_accumulates(graph.features).sum()),
    }
    try:
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            module.to("meta").requires_grad_(False)(torch.empty(1, *shape, device="meta"))
    except Exception as error:
        return {**row, "reason": f"not counted: {_line(error)}"}
    return {**row, "counted_macs": counter.get_total_flops() // 2}


def _line(error: Exception) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _send(pipe: Connection, library: str, name: str, limit: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    torch.set_num_threads(1)
    logging.disable(logging.CRITICAL)
    pipe.send(measure(library, name))


def limited(library: str, name: str, limit: int) -> dict[str, object]:
    """One row, measured in a process that is ended after ``limit`` processor seconds."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_send, args=(theirs, library, name, limit))
    process.start()
    theirs.close()
    try:
        return ours.recv()  # type: ignore[no-any-return]
    except EOFError:
        reason = f"ended by the system, after {limit} processor seconds or for want of memory"
    finally:
        process.kill()
        process.join()
    return {"library": library, "name": name, "result": "failed", "reason": reason}


def fill(path: Path, wanted: Iterable[tuple[str, str]], limit: int) -> None:
    """Appends the rows that a file does not have."""
    done = set()
    if path.exists():
        with path.open(newline="") as file:
            done = {(row["library"], row["name"]) for row in csv.DictReader(file)}
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if not done:
            writer.writeheader()
        for library, name in wanted:
            if (library, name) not in done:
                writer.writerow(limited(library, name, limit))
                file.flush()


def summary(table: pd.DataFrame) -> str:
    """Shares in words; those that are not right by name."""
    built = table[table["result"] != "not built"]
    traced = built[built["result"] == "traced"]
    equal = traced["parameters"] == traced["module_parameters"]
    counted = traced.dropna(subset=["counted_macs"])
    near = (counted["macs"] / counted["counted_macs"].clip(lower=1) - 1).abs() <= TOLERANCE
    lines = [
        f"{len(table)} names, {len(built)} built, {_share(len(traced), len(built))} of these traced",
        f"parameters equal: {_share(int(equal.sum()), len(traced))} of those traced",
        f"costs within {TOLERANCE:.0%}: {_share(int(near.sum()), len(counted))} of those counted",
        f"nodes outside the vocabulary: in {int((traced['unknown_nodes'] > 0).sum())}",
        f"processor seconds: median {traced['seconds'].median():.1f}, most {traced['seconds'].max():.1f}",
        *(
            f"{row['result']} {row['name']}: {row['reason']}"
            for _, row in built.drop(traced.index).iterrows()
        ),
        *(
            f"{row['name']}: {row['parameters']:.0f} of {row['module_parameters']:.0f} parameters"
            for _, row in traced[~equal].iterrows()
        ),
        *(
            f"{row['name']}: {row['macs']:.0f} of {row['counted_macs']:.0f} multiply-accumulates"
            for _, row in counted[~near].iterrows()
        ),
    ]
    return "\n".join(lines)


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({100 * part / max(whole, 1):.1f} %)"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--first", type=int, help="number of names; default is all")
    parser.add_argument("--limit", type=int, default=240, help="processor seconds for one network")
    parser.add_argument("--output", type=Path, required=True, help="file of results; what it has is kept")
    arguments = parser.parse_args()
    fill(arguments.output, names(STRIDE)[: arguments.first], arguments.limit)
    print(summary(pd.read_csv(arguments.output)))


if __name__ == "__main__":
    main()
