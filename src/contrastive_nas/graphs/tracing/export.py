"""Exporting modules with PyTorch, and saying in one line what is wrong with those that cannot be."""

import inspect
import logging
import operator
import re
import sys
import sysconfig
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from torch import fx, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd import Function
from torch.export import ExportedProgram
from torch.fx.experimental.symbolic_shapes import ShapeEnv
from torch.nn.modules.batchnorm import _BatchNorm

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.tracing.record import BATCH

_LOGS_OF_FAILURES = ("torch.fx.experimental.symbolic_shapes", "torch._subclasses.fake_tensor")
_QUANTISED = re.compile(r"torch\.(ao\.)?nn\.(\w+\.)*quantized")
# What PyTorch, and assertions, say of a batch that they cannot divide.
_OF_BATCHES = re.compile(r"invalid for input of size|AssertionError|divisible|shape '\[")
_PREDISPATCH = "torch._functorch.predispatch"


def image_shape(input_shape: Any) -> tuple[int, ...]:
    """Return one to three positive sizes, integers of any kind, as a tuple.

    Raises:
        InputError: they are something else.
    """
    refused = InputError(f"cannot trace with input shape {input_shape!r}: not one to three positive integers")
    if not isinstance(input_shape, Iterable) or isinstance(input_shape, str | bytes):
        raise refused
    try:
        shape = tuple(operator.index(size) for size in input_shape)
    except TypeError:
        raise refused from None
    if not 1 <= len(shape) <= 3 or min(shape) <= 0:
        raise refused
    return shape


def check(module: nn.Module) -> None:
    """Say of modules that PyTorch cannot export what to give instead.

    Raises:
        InputError: a scripted, traced or quantised module, or one with another number of inputs than one.
    """
    name = type(module).__name__
    for path, part in module.named_modules():
        where = f"its part {path} is" if path else "it is"
        if isinstance(part, torch.jit.ScriptModule):
            raise InputError(
                f"cannot trace {name}: {where} a scripted or traced module; give the nn.Module that it was "
                "made from"
            )
        if _QUANTISED.match(type(part).__module__):
            raise InputError(
                f"cannot trace {name}: {where} quantised ({type(part).__name__}); give the float module that "
                "it was made from"
            )
        if (
            isinstance(part, _BatchNorm)
            and part.momentum is None
            and part.training
            and part.track_running_stats
        ):
            raise InputError(
                f"cannot trace {name}: {where} a batch norm that counts its batches (momentum=None); give "
                "it a number as its momentum"
            )
    wanted = _required_inputs(module)
    if len(wanted) > 1:
        raise InputError(
            f"cannot trace {name}: its forward takes {len(wanted)} inputs ({', '.join(wanted)}); give a "
            "module with one, the images, that makes the others itself"
        )


def _required_inputs(module: nn.Module) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        arguments = inspect.signature(module.forward).parameters.values()
    except (TypeError, ValueError):
        return []
    return [one.name for one in arguments if one.kind in kinds and one.default is inspect.Parameter.empty]


def export(module: nn.Module, shape: tuple[int, ...]) -> ExportedProgram:
    """Return the program that a module runs on one batch of images, of the type of its first parameter.

    Raises:
        InputError: it does not run on them, or looks at their numbers; the message names its line at fault.
    """
    tensors = [tensor for tensor in module.parameters() if tensor.is_floating_point()]
    device = tensors[0].device if tensors else torch.device("cpu")
    dtype = tensors[0].dtype if tensors else torch.float32
    try:
        with _quiet(), FakeTensorMode(allow_non_fake_inputs=True, shape_env=ShapeEnv()):
            batch = torch.empty(BATCH, *shape, device=device, dtype=dtype)
        with _quiet(), torch.no_grad():
            program = torch.export.export(module, (batch,), strict=False)
            if any(_is_vmap(node) for node in program.graph.nodes):
                program = program.run_decompositions({})
    except Exception as error:
        raise InputError(f"{subject(module, shape)}{_line_at_fault(error)}: {_reason(error)}") from error
    return program


def subject(module: nn.Module, shape: Sequence[int]) -> str:
    """Return how messages about a module begin."""
    return f"cannot trace {type(module).__name__} with input shape {tuple(shape)}"


def _is_vmap(node: fx.Node) -> bool:
    return getattr(node.target, "__module__", None) == _PREDISPATCH


def _reason(error: Exception) -> str:
    reason = next(line for line in (*str(error).splitlines(), type(error).__name__) if line.strip())
    if "data-dependent" in reason:
        return "the control flow or a size depends on values of the images; keep these as tensors"
    about_batch = _OF_BATCHES.search(f"{type(error).__name__} {reason}")
    reason = reason.replace(f"[{BATCH}, ", "[batch, ")
    if not about_batch:
        return reason
    return f"{reason}; tracing uses a batch of {BATCH:,} images, which a module must not divide into parts"


@contextmanager
def gradients_of_their_own() -> Iterator[list[type]]:
    """Collect the functions with gradients of their own that are called meanwhile.

    Of these a program has what they compute alone.
    """
    found: list[type] = []
    plain: dict[type[Any], Any] = {kind: vars(kind)["forward"] for kind in _functions(Function)}
    for kind, forward in plain.items():
        kind.forward = staticmethod(_noting(found, kind, forward))
    try:
        yield found
    finally:
        for kind, forward in plain.items():
            kind.forward = forward


class _Mode:
    """The attribute ``training`` of modules while it is noted who asks for it."""

    def __init__(self) -> None:
        self.asked = False

    def __get__(self, module: Any, kind: type) -> Any:
        if module is None or "training" not in vars(module):
            raise AttributeError("training")
        self.asked |= not str(sys._getframe(1).f_globals.get("__name__")).startswith("torch.")
        return vars(module)["training"]

    def __set__(self, module: Any, mode: Any) -> None:
        vars(module)["training"] = mode


@contextmanager
def questions_for_modes() -> Iterator[_Mode]:
    """Note whether code outside PyTorch, wherever it stands, asks for the mode of a module meanwhile."""
    mode = _Mode()
    nn.Module.training = mode  # type: ignore[assignment]
    try:
        yield mode
    finally:
        del nn.Module.training


def _functions(base: type[Any]) -> Iterator[type[Any]]:
    kind: type[Any]
    for kind in base.__subclasses__():
        if "forward" in vars(kind) and not kind.__module__.startswith("torch."):
            yield kind
        yield from _functions(kind)


def _noting(found: list[type], kind: type, forward: Any) -> Callable[..., Any]:
    def noted(*arguments: Any, **options: Any) -> Any:
        found.append(kind)
        return forward.__get__(None, kind)(*arguments, **options)

    return noted


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps PyTorch's long accounts of failed exports off the screen; the error says it in one line."""
    levels = [(log, log.level) for log in map(logging.getLogger, _LOGS_OF_FAILURES)]
    for log, _ in levels:
        log.setLevel(logging.CRITICAL)
    try:
        with redirect_stderr(StringIO()), warnings.catch_warnings():
            # Recurrent layers keep a list of their weights, which exporting replaces for a while.
            warnings.filterwarnings("ignore", "The tensor attribute", UserWarning)
            yield
    finally:
        for log, level in levels:
            log.setLevel(level)


def _line_at_fault(error: BaseException) -> str:
    """The innermost line outside PyTorch, Python's own library and this package, in words."""
    frames = traceback.extract_tb(error.__traceback__)
    outside = [frame for frame in frames if _is_of_user(frame.filename)]
    return _in_words(outside[-1].filename, outside[-1].lineno, outside[-1].line) if outside else ""


def line_of(node: fx.Node) -> str:
    """Return the line of the module that a call in an exported program comes from, in words; "" if it is
    unknown.
    """
    text = str(node.meta.get("stack_trace") or "")
    frames = re.findall(r'File "([^"]+)", line (\d+), in [^\n]*\n\s*([^\n]*)', text)
    outside = [frame for frame in frames if _is_of_user(frame[0])]
    return _in_words(*outside[-1]) if outside else ""


def _in_words(path: str, line: Any, code: str | None) -> str:
    return f", in {path}, line {line}" + (f" ({code})" if code else "")


def _is_of_user(path: str) -> bool:
    library = sysconfig.get_paths()["stdlib"]
    if path.startswith((str(Path(torch.__file__).parent), str(Path(__file__).parents[1]), "<")):
        return False
    return not path.startswith(library) or "site-packages" in path or "dist-packages" in path
