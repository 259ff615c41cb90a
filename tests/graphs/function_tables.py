"""Which functions of PyTorch the operations of graphs are, and which settings these have."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from contrastive_nas.graphs.operations import Operation

# These read constants through edges, and not by their digests alone.
READ_CONSTANTS = {
    *(Operation.ELEMENTWISE, Operation.MATMUL, Operation.ATTENTION, Operation.CONCAT),
    *(Operation.ADD, Operation.MUL, Operation.SUB, Operation.DIV, Operation.MAXIMUM),
}
JOINS = (Operation.ADD, Operation.MUL, Operation.SUB, Operation.DIV, Operation.MAXIMUM, Operation.MEAN)
ACTIVATIONS: dict[int, Callable[..., Tensor]] = {
    Operation.RELU: functional.relu,
    Operation.RELU6: functional.relu6,
    Operation.LEAKY_RELU: functional.leaky_relu,
    Operation.ELU: functional.elu,
    Operation.SELU: functional.selu,
    Operation.GELU: functional.gelu,
    Operation.SILU: functional.silu,
    Operation.MISH: functional.mish,
    Operation.SIGMOID: torch.sigmoid,
    Operation.HARD_SIGMOID: functional.hardsigmoid,
    Operation.HARD_SWISH: functional.hardswish,
    Operation.HARD_TANH: functional.hardtanh,
    Operation.TANH: torch.tanh,
    Operation.SOFTPLUS: functional.softplus,
}
CHANNELS_FIRST = {
    *(Operation.CONV, Operation.CONV_TRANSPOSE, Operation.MAX_POOL, Operation.AVG_POOL),
    *(Operation.BATCH_NORM, Operation.GROUP_NORM, Operation.INSTANCE_NORM),
}
_NAMES: dict[str, tuple[Operation, ...]] = {
    "weight bias": (Operation.LINEAR, Operation.PRELU),
    "weight bias eps": (Operation.GROUP_NORM, Operation.INSTANCE_NORM),
    "weight bias eps momentum running": (Operation.BATCH_NORM,),
    "weight bias eps normalized_shape": (Operation.LAYER_NORM,),
    "weight bias padding overhang": (Operation.CONV,),
    "weight bias padding output_padding": (Operation.CONV_TRANSPOSE,),
    "padding overhang": (Operation.MAX_POOL,),
    "padding overhang count_include_pad divisor_override": (Operation.AVG_POOL,),
    "keepdim": (Operation.GLOBAL_AVG_POOL, Operation.GLOBAL_MAX_POOL),
    "dim": (Operation.SOFTMAX, Operation.LOG_SOFTMAX),
    "start step": (Operation.SLICE,),
    "alpha shapes": JOINS,
}
# The names of the settings that are read of each.
SETTINGS = {one: frozenset(names.split()) for names, several in _NAMES.items() for one in several}
