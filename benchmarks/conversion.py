"""How fast networks become graphs: from templates, by torch.export, and by fx with shape propagation.

    python benchmarks/conversion.py --spaces nasbench201,darts --templates 2000 --traces 5 --output
    conversion.csv

All routes see the same networks; the slow ones a part of them. Rates are networks per processor second in one
process with one thread, so that other work on the machine counts little; ratios within a run count more than
rates. Building the module is part of every route that needs one. fx with ShapeProp gives less than a graph
here: shapes, but no features; on real tensors it also computes the network for one image.
"""

import argparse
import os
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.fx import symbolic_trace
from torch.fx.passes.shape_prop import ShapeProp

from contrastive_nas.graphs import trace
from contrastive_nas.spaces import SearchSpace, load_space
from contrastive_nas.spaces.registry import list_spaces

CHUNK = 1000


def from_templates(space: SearchSpace, architectures: Sequence[str]) -> None:
    """The route of the package, in chunks of a thousand."""
    for start in range(0, len(architectures), CHUNK):
        space.graphs(architectures[start : start + CHUNK])


def by_export(space: SearchSpace, architectures: Sequence[str]) -> None:
    """The package's tracer on a module without data."""
    for architecture in architectures:
        with torch.device("meta"):
            module = space.build(architecture).eval()
        trace(module, space.image_shape(architecture))


def by_shape_propagation(device: str) -> Callable[[SearchSpace, Sequence[str]], None]:
    """PyTorch's own symbolic trace and ShapeProp."""

    def run(space: SearchSpace, architectures: Sequence[str]) -> None:
        for architecture in architectures:
            with torch.device(device), torch.no_grad():
                module = symbolic_trace(space.build(architecture).eval())
                ShapeProp(module).propagate(torch.zeros(1, *space.image_shape(architecture)))

    return run


def rate(
    route: Callable[[SearchSpace, Sequence[str]], None], name: str, architectures: Sequence[str]
) -> float:
    """Networks per processor second, in a fresh space after a warm-up on one network."""
    route(load_space(name), architectures[:1])
    space = load_space(name)
    started = time.process_time()
    route(space, architectures)
    return len(architectures) / (time.process_time() - started)


def measure(name: str, templates: int, traces: int) -> dict[str, object]:
    """Rates of all routes in one space."""
    architectures = load_space(name).sample(np.random.default_rng(0), templates)
    template = rate(from_templates, name, architectures)
    rates = {
        "torch_export": rate(by_export, name, architectures[:traces]),
        "fx_shape_prop_meta": rate(by_shape_propagation("meta"), name, architectures[:traces]),
        "fx_shape_prop_cpu": rate(by_shape_propagation("cpu"), name, architectures[:traces]),
    }
    fastest = max(rates["fx_shape_prop_meta"], rates["fx_shape_prop_cpu"])
    nodes = np.diff(load_space(name).graphs(architectures[:CHUNK]).node_offsets).mean()
    return {
        "space": name,
        "nodes": round(float(nodes), 1),
        "templates_per_second": round(template, 1),
        **{f"{route}_per_second": round(value, 2) for route, value in rates.items()},
        "templates_against_fx": round(template / fastest),
        "templates_against_export": round(template / rates["torch_export"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spaces", default=",".join(list_spaces()))
    parser.add_argument("--templates", type=int, default=2000, help="networks for the template route")
    parser.add_argument("--traces", type=int, default=5, help="networks for the other routes")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for name in arguments.spaces.split(","):
        rows.append(measure(name, arguments.templates, arguments.traces))
        print(pd.DataFrame(rows[-1:]).to_string(index=False), flush=True)
    machine = {"torch": torch.__version__, "python": platform.python_version(), "cores": os.cpu_count()}
    if arguments.output is not None:
        pd.DataFrame(rows).assign(**machine).to_csv(arguments.output, index=False)


if __name__ == "__main__":
    main()
