"""The vocabulary of primitive operations that a computation graph is made of."""

from enum import IntEnum


class Operation(IntEnum):
    """Type of a node. The numbers are stored in files: never renumber, only append."""

    UNKNOWN = 0
    INPUT = 1
    OUTPUT = 2
    ZERO = 3
    IDENTITY = 4
    CONSTANT = 5
    CONV = 10
    CONV_TRANSPOSE = 11
    LINEAR = 12
    MATMUL = 13
    EMBEDDING = 14
    BATCH_NORM = 20
    LAYER_NORM = 21
    GROUP_NORM = 22
    INSTANCE_NORM = 23
    LOCAL_RESPONSE_NORM = 24
    RELU = 30
    RELU6 = 31
    LEAKY_RELU = 32
    PRELU = 33
    ELU = 34
    SELU = 35
    GELU = 36
    SILU = 37
    MISH = 38
    SIGMOID = 39
    HARD_SIGMOID = 40
    HARD_SWISH = 41
    HARD_TANH = 42
    TANH = 43
    SOFTPLUS = 44
    SOFTMAX = 45
    LOG_SOFTMAX = 46
    ELEMENTWISE = 47
    MAX_POOL = 60
    AVG_POOL = 61
    GLOBAL_AVG_POOL = 62
    GLOBAL_MAX_POOL = 63
    ADD = 70
    MUL = 71
    SUB = 72
    DIV = 73
    CONCAT = 74
    MEAN = 75
    MAXIMUM = 76
    ATTENTION = 77
    SLICE = 80
    RESHAPE = 81
    PERMUTE = 82
    PAD = 83
    INTERPOLATE = 84
    REDUCE = 85


COMMUTATIVE_OPERATIONS = frozenset({Operation.ADD, Operation.MUL, Operation.MEAN, Operation.MAXIMUM})
JOINS = COMMUTATIVE_OPERATIONS | {Operation.CONCAT}
