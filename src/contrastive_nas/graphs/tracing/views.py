"""How functions of PyTorch that move, cut and join tensors become nodes."""

from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.tracing import elementwise, layers
from contrastive_nas.graphs.tracing.calls import Call, Handlers, Result
from contrastive_nas.graphs.tracing.constants import is_written
from contrastive_nas.graphs.tracing.record import Constant, Noise, Value

HANDLERS = Handlers()


@HANDLERS.of("dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout", "native_dropout")
def _dropout(call: Call) -> Result:
    value = call.record.unary(Operation.IDENTITY, call.x)
    return [value, None] if call.name.startswith("native_") else value


@HANDLERS.of(
    "contiguous", "clone", "detach", "alias", "to", "_to_copy", "type_as", "lift_fresh_copy", "positive"
)
def _identity(call: Call) -> Result:
    return call.record.unary(Operation.IDENTITY, call.x)


@HANDLERS.of("zeros_like")
def _zeros_like(call: Call) -> Result:
    return call.record.unary(Operation.ZERO, call.x)


@HANDLERS.of("zero", "fill", "full_like")
def _fill(call: Call) -> Result:
    value = 0 if call.name == "zero" else call["fill_value" if call.name == "full_like" else "value"]
    if value == 0:
        return call.record.unary(Operation.ZERO, call.x)
    return Constant(call.node.name, call.shape)


@HANDLERS.of("new_zeros", "new_ones", "new_full", "ones_like")
def _new(call: Call) -> Result:
    zero = call.name == "new_zeros" and not is_written(call.node)
    return Constant(call.node.name, call.shape, zero=zero)


@HANDLERS.of("new_empty", "empty_like", "rand_like", "randn_like", "bernoulli", "uniform", "normal")
def _random(call: Call) -> Result:
    if (
        call.name in {"bernoulli", "normal"}
        and call["p"] is None
        and not isinstance(call["mean"], int | float)
    ):
        # Its probabilities, or its mean and its deviation, are tensors that the network computes.
        return elementwise.function(call.record, call.name, list(call.arguments.values()), call.shape)
    return Noise(call.node.name, call.shape)


@HANDLERS.of("copy")
def _copy(call: Call) -> Result:
    source: Result = call["src"]
    return source


@HANDLERS.of("view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "expand", "expand_as")
@HANDLERS.of("view_as", "reshape_as", "_unsafe_view")
def _reshape(call: Call) -> Result:
    return layers.reshape(call.record, call.x, call.shape)


@HANDLERS.of("permute")
def _permute(call: Call) -> Result:
    return layers.permute(call.record, call.x, call["dims"], call.shape)


@HANDLERS.of("transpose", "swapaxes", "swapdims", "t", "numpy_T")
def _transpose(call: Call) -> Result:
    order = list(range(len(call.shape)))
    first = call["dim0"] if call["dim0"] is not None else 0
    second = call["dim1"] if call["dim1"] is not None else len(order) - 1
    order[first], order[second] = order[second], order[first]
    return layers.permute(call.record, call.x, order, call.shape)


@HANDLERS.of("movedim", "moveaxis", "roll", "flip", "rot90", "pixel_shuffle", "pixel_unshuffle")
@HANDLERS.of("channel_shuffle", "native_channel_shuffle", "unfold", "im2col", "col2im")
def _rearrange(call: Call) -> Result:
    return call.record.add(Operation.PERMUTE, [call.x], call.shape)


@HANDLERS.of("slice", "select", "narrow", "index", "index_select", "gather", "take", "diagonal")
def _slice(call: Call) -> Result:
    x = call.x
    if call.name in {"slice", "narrow"} and call.shape == x.shape:
        return call.record.unary(Operation.IDENTITY, x)
    return call.record.add(Operation.SLICE, call.operands, call.shape)


@HANDLERS.of("split", "split_with_sizes", "chunk", "unbind", "tensor_split", "unsafe_split", "unsafe_chunk")
def _split(call: Call) -> Result:
    if call.shapes == [call.x.shape]:
        return [call.record.unary(Operation.IDENTITY, call.x)]
    return [call.record.add(Operation.SLICE, [call.x], shape) for shape in call.shapes]


@HANDLERS.of("cat", "concat", "concatenate", "stack", "hstack", "vstack")
def _concatenate(call: Call) -> Result:
    tensors = next(iter(call.arguments.values()))
    partner = next(tensor for tensor in tensors if isinstance(tensor, Value))
    values = [elementwise.as_value(call.record, tensor, partner) for tensor in tensors]
    if call.name != "stack":
        return layers.join(call.record, Operation.CONCAT, values, call.shape)
    axis = (call["dim"] or 0) % len(call.shape)
    return call.record.add(Operation.CONCAT, values, call.shape, detail=("stack", axis))


@HANDLERS.of("pad", "constant_pad_nd", "reflection_pad1d", "reflection_pad2d", "reflection_pad3d")
@HANDLERS.of("replication_pad1d", "replication_pad2d", "replication_pad3d")
def _pad(call: Call) -> Result:
    widths = call["pad"] if call["pad"] is not None else call["padding"]
    return call.record.unary(Operation.IDENTITY, call.x) if not any(widths) else _padded(call)


def _padded(call: Call) -> Value:
    return call.record.add(Operation.PAD, [call.x], call.shape)


@HANDLERS.of("upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d", "_upsample_nearest_exact2d")
@HANDLERS.of("upsample_linear1d", "upsample_bilinear2d", "upsample_bicubic2d", "upsample_trilinear3d")
@HANDLERS.of("_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa", "grid_sampler", "grid_sampler_2d")
def _interpolate(call: Call) -> Result:
    return call.record.add(Operation.INTERPOLATE, call.operands, call.shape)


@HANDLERS.of("repeat", "repeat_interleave", "tile", "broadcast_to")
def _repeat(call: Call) -> Result:
    return call.record.add(Operation.RESHAPE, [call.x], call.shape)
