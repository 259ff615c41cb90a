"""Random networks from a grammar of layers and functions, changed ones and rewritten ones.

A network is a list of steps that keep (8, 6, 6). A step is one layer or function with its setting,
``(kind, setting)``, or a join of several lists of steps, ``(kind, [steps, ...])``.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

SHAPE = (8, 6, 6)
Steps = list[tuple[str, Any]]
JOINS = ("sum", "product", "difference", "concatenation")
_MERGED = ("identity", "dead", "zero", "nothing")


def _convolution(setting: Any) -> nn.Module:
    kernel, dilation, groups, mode, bias = setting
    padding = dilation * (kernel - 1) // 2
    return nn.Conv2d(8, 8, kernel, 1, padding, dilation, groups, bias, mode)


def _attention(x: Tensor, setting: Any) -> Tensor:
    heads, causal, scale = setting
    parts = x.flatten(2).transpose(1, 2).unflatten(2, (heads, 8 // heads)).transpose(1, 2)
    found = functional.scaled_dot_product_attention(parts, parts, parts, is_causal=causal, scale=scale)
    return found.transpose(1, 2).flatten(2).transpose(1, 2).unflatten(2, (6, 6))


# Layers by kind: their settings, and how a module is made of one.
LAYERS: dict[str, tuple[list[Any], Callable[[Any], nn.Module]]] = {
    "convolution": (
        [
            (kernel, dilation, groups, mode, bias)
            for kernel in (1, 3)
            for dilation in ((1, 2) if kernel > 1 else (1,))
            for groups in (1, 2, 8)
            for mode in (("zeros", "reflect", "circular", "replicate") if kernel > 1 else ("zeros",))
            for bias in (True, False)
        ],
        _convolution,
    ),
    "batch norm": (
        [(eps, momentum) for eps in (1e-5, 0.1) for momentum in (0.1, 0.5)],
        lambda s: nn.BatchNorm2d(8, eps=s[0], momentum=s[1]),
    ),
    "group norm": (
        [(g, e) for g in (1, 2, 4) for e in (1e-5, 0.1)],
        lambda s: nn.GroupNorm(s[0], 8, eps=s[1]),
    ),
    "layer norm": ([1e-5, 1e-3, 0.1], lambda s: nn.LayerNorm(6, eps=s)),
    "PReLU": ([8, 1], nn.PReLU),
    "dropout": ([0.1, 0.5, 0.9], nn.Dropout),
    "dropout of channels": ([0.1, 0.5], nn.Dropout2d),
    "activation": (
        [nn.ReLU, nn.ReLU6, nn.SiLU, nn.Sigmoid, nn.Tanh, nn.Mish, nn.SELU, nn.Hardswish, nn.Softsign],
        lambda s: s(),
    ),
}
# Functions by kind.
FUNCTIONS: dict[str, tuple[list[Any], Callable[[Tensor, Any], Tensor]]] = {
    "leaky": ([0.01, 0.3, -1.0], functional.leaky_relu),
    "elu": ([1.0, 2.0, 0.5], functional.elu),
    "celu": ([2.0, 0.5], functional.celu),
    "gelu": (["none", "tanh"], lambda x, s: functional.gelu(x, approximate=s)),
    "softplus": ([(1, 20), (2, 20), (1, 0.5)], lambda x, s: functional.softplus(x, *s)),
    "softmax": ([1, 2, 3], functional.softmax),
    "log-softmax": ([1, 2, 3], functional.log_softmax),
    "clamp": ([(-0.3, 0.5), (-0.5, 0.5), (0, 0.4), (None, 0.2)], lambda x, s: x.clamp(*s)),
    "threshold": ([(0.1, 0.0), (0.1, 1.0), (0.3, 0.0)], lambda x, s: functional.threshold(x, *s)),
    "shrink": ([0.1, 0.4], functional.softshrink),
    "hard shrink": ([0.1, 0.4], functional.hardshrink),
    "factor": ([2.0, 1000.0, -1.0, 0.5], lambda x, s: x * s),
    "divisor": ([3.0, -1.5], lambda x, s: x / s),
    "summand": ([0.3, -2.0, 10.0], lambda x, s: x + s),
    "minuend": ([1.0, 2.0], lambda x, s: s - x),
    "dividend": ([1.0, 2.0], lambda x, s: s / (x.abs() + 1)),
    "power": ([3, 0.5, 1.5], lambda x, s: (x.abs() + 0.1) ** s),
    "scaled sum": ([2, -1, 0.5], lambda x, s: torch.add(x, x.sin(), alpha=s)),
    "max pool": ([3, 5], lambda x, s: functional.max_pool2d(x, s, 1, s // 2)),
    "mean pool": (
        [(3, True, None), (3, False, None), (3, True, 5), (5, False, None)],
        lambda x, s: functional.avg_pool2d(x, s[0], 1, s[0] // 2, False, *s[1:]),
    ),
    "reduction": (
        [(kind, axis) for kind in ("sum", "mean", "amax", "amin", "std", "prod") for axis in (1, 2, 3)],
        lambda x, s: x * getattr(x, s[0])(s[1], keepdim=True),
    ),
    "shuffle": ([2, 4], functional.channel_shuffle),
    "shuffle by hand": ([2, 4], lambda x, s: x.unflatten(1, (s, 8 // s)).transpose(1, 2).flatten(1, 2)),
    "order of dimensions": ([(2, 3), (1, 1)], lambda x, s: x.transpose(*s)),
    "roll": ([(1, 1), (2, 2), (1, 3)], lambda x, s: x.roll(*s)),
    "flip": ([1, 2, 3], lambda x, s: x.flip(s)),
    "cut": ([1, 2, 5], lambda x, s: torch.cat([x[:, s:], x[:, :s]], 1)),
    "swap": ([1, 2, 3], lambda x, s: torch.cat(x.chunk(2, s)[::-1], s)),
    "padding": (
        [
            (widths, mode)
            for widths in ((2, 0, 1, 1), (0, 2, 1, 1), (1, 1, 2, 0))
            for mode in ("constant", "reflect", "replicate")
        ],
        lambda x, s: functional.pad(x, s[0], s[1])[:, :, :6, :6],
    ),
    "value of padding": ([0.5, 2.0], lambda x, s: functional.pad(x, (1, 1), value=s)[..., :6]),
    "upsampling": (
        [("nearest", None), ("bilinear", False), ("bilinear", True), ("bicubic", False)],
        lambda x, s: functional.max_pool2d(
            functional.interpolate(x, (12, 12), mode=s[0], align_corners=s[1]), 2
        ),
    ),
    "attention": ([(2, False, None), (4, False, None), (2, True, None), (2, False, 2.0)], _attention),
    "gate": ([1, 2, 3], lambda x, s: functional.glu(torch.cat([x, x.flip(s)], s), s)),
    "choice": ([(0.0, 1.0), (0.1, 1.0), (0.0, -1.0)], lambda x, s: torch.where(x > s[0], x, s[1])),
    "tensor": ([1.5, 2.5], lambda x, s: x * torch.tensor(s)),
    "ramp": ([0.1, 0.3], lambda x, s: x + torch.arange(6) * s),
    "local response": (
        [(1e-4, 0.75, 1.0), (1.0, 0.75, 1.0), (1.0, 0.5, 1.0), (1.0, 0.75, 2.0)],
        lambda x, s: functional.local_response_norm(x, 3, *s),
    ),
    "outside the vocabulary": ([1, 2, 3], lambda x, s: x.cumsum(s)),
    "identity": ([None], lambda x, s: x.contiguous()),
    "nothing": ([None], lambda x, s: functional.dropout(x, 0.0)),
    "zero": ([None], lambda x, s: x * 0),
}


class Drawn(nn.Module):
    """The network of some steps, with a classifier behind them.

    Attributes:
        called: the layers that the last run went through, in order, while ``listens``.
    """

    def __init__(self, steps: Steps, *, backwards: bool = False) -> None:
        super().__init__()
        self.steps, self.backwards = steps, backwards
        self.layers = nn.ModuleDict({key: LAYERS[kind][1](s) for key, kind, s in _layers_of(steps)})
        self.head = nn.Linear(8, 5)
        self.listens, self.called = False, list[nn.Module]()

    def forward(self, x: Tensor) -> Tensor:
        return self._layer(self.head, self._run(self.steps, x, "").mean((2, 3)))

    def _layer(self, layer: nn.Module, x: Tensor) -> Tensor:
        if self.listens and any(True for _ in layer.parameters()):
            self.called.append(layer)
        found: Tensor = layer(x)
        return found

    def _run(self, steps: Steps, x: Tensor, path: str) -> Tensor:
        for place, (kind, setting) in enumerate(steps):
            here = f"{path}{place}"
            if kind in LAYERS:
                x = self._layer(self.layers[here], x)
            elif kind == "dead":
                self._run(setting, x, f"{here}_0_")
            elif kind in JOINS:
                places = range(len(setting))
                found = {
                    one: self._run(setting[one], x, f"{here}_{one}_")
                    for one in (reversed(places) if self.backwards else places)
                }
                x = _joined(kind, [found[one] for one in places])
            else:
                x = FUNCTIONS[kind][1](x, setting)
        return x


def _joined(kind: str, parts: list[Tensor]) -> Tensor:
    if kind == "concatenation":
        return torch.cat(parts, 1)[:, : 2 * SHAPE[0] : 2] if len(parts) > 1 else torch.cat(parts, 1)
    total = parts[0]
    for part in parts[1:]:
        total = {"sum": total.add, "product": total.mul, "difference": total.sub}[kind](part)
    return total


def _layers_of(steps: Steps, path: str = "") -> Iterator[tuple[str, str, Any]]:
    for place, (kind, setting) in enumerate(steps):
        if kind in LAYERS:
            yield f"{path}{place}", kind, setting
        for number, inner in enumerate(_inner(kind, setting)):
            yield from _layers_of(inner, f"{path}{place}_{number}_")


def _inner(kind: str, setting: Any) -> list[Steps]:
    return setting if kind in JOINS else [setting] if kind == "dead" else []


def draw(rng: np.random.Generator, depth: int = 2, *, without: tuple[str, ...] = ()) -> Steps:
    """The steps of a random network, of all kinds but those in ``without``."""
    steps: Steps = []
    for _ in range(rng.integers(1, 4)):
        if depth and rng.random() < 0.35:
            kind = JOINS[rng.integers(len(JOINS))]
            steps.append((kind, [draw(rng, depth - 1, without=without) for _ in range(rng.integers(2, 4))]))
        else:
            steps.append(_draw_step(rng, without))
    return steps


def _draw_step(rng: np.random.Generator, without: tuple[str, ...] = ()) -> tuple[str, Any]:
    kinds = [kind for kind in (*LAYERS, *LAYERS, *FUNCTIONS) if kind not in (*_MERGED, *without)]
    kind = kinds[rng.integers(len(kinds))]
    settings = (LAYERS if kind in LAYERS else FUNCTIONS)[kind][0]
    return kind, settings[rng.integers(len(settings))]


def changed(steps: Steps, rng: np.random.Generator) -> Steps:
    """The same steps but for one setting, or for what one join reads."""
    place = int(rng.integers(len(steps)))
    kind, setting = steps[place]
    if kind in JOINS:
        inner = list(setting)
        number = int(rng.integers(len(inner)))
        if rng.random() < 0.2 and len(inner) > 1:
            # Another order of arguments, or one argument's steps behind another's: other edges.
            ordered = kind in ("difference", "concatenation") and rng.random() < 0.5
            inner = inner[::-1] if ordered else [inner[0] + inner[1], *inner[1:]]
        else:
            inner[number] = changed(inner[number], rng)
        step: tuple[str, Any] = (kind, inner)
    else:
        others = [one for one in (LAYERS if kind in LAYERS else FUNCTIONS)[kind][0] if one != setting]
        step = (kind, others[rng.integers(len(others))])
    return [*steps[:place], step, *steps[place + 1 :]]


def rewritten(steps: Steps, rng: np.random.Generator) -> Steps:
    """Other steps of the same function, by the rewrites that the canonical form merges."""
    found: Steps = []
    for kind, setting in steps:
        if kind in JOINS:
            inner = [rewritten(one, rng) for one in setting]
            if kind == "sum":
                inner = [inner[place] for place in rng.permutation(len(inner))]
            if kind == "product" and rng.random() < 0.5:
                # Products of products are not flattened: only the first two factors are of one.
                inner[:2] = inner[1::-1]
            if kind == "sum" and len(inner) > 2 and rng.random() < 0.5:
                inner = [inner[0], [("sum", inner[1:])]]
            if kind == "sum" and rng.random() < 0.3:
                inner = [*inner, [("zero", None)]]
            found.append((kind, inner))
        else:
            found.append((kind, setting))
        if rng.random() < 0.3:
            found.append(_neutral(rng))
    return found if found != steps else [_neutral(rng), *found]


def _neutral(rng: np.random.Generator) -> tuple[str, Any]:
    steps: list[tuple[str, Any]] = [
        ("identity", None),
        ("nothing", None),
        ("dead", [_draw_step(rng)]),
        ("sum", [[]]),
        ("concatenation", [[]]),
        ("sum", [[], [("zero", None)]]),
    ]
    return steps[rng.integers(len(steps))]
