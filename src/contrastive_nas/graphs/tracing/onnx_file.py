"""The computation graph of a network in an ONNX file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contrastive_nas.errors import InputError
from contrastive_nas.graphs.attributes import NOT_HELD
from contrastive_nas.graphs.schema import ComputationGraph
from contrastive_nas.graphs.tracing import onnx_quantised
from contrastive_nas.graphs.tracing.onnx_tensors import first_line, stated_shapes
from contrastive_nas.graphs.tracing.onnx_walk import OnnxWalk
from contrastive_nas.graphs.tracing.record import BATCH, Dims, Recorder
from contrastive_nas.graphs.tracing.tracer import report_unknown


def trace_onnx(
    path: str | Path,
    input_shape: Sequence[int] | None = None,
    *,
    image_size: tuple[int, int] | None = None,
) -> ComputationGraph:
    """Return the computation graph of an ONNX file; needs the extra ``onnx``.

    Local functions are inlined, branches and loops followed (see ``onnx_control``), quantised operators taken
    for those on real numbers (``onnx_quantised``). What the file computes from constants and shapes is
    computed first. Operators outside the vocabulary become ``UNKNOWN`` nodes with the parameters that they
    read and are logged with their names.

    ONNX does not tell parameters from other stored numbers: every stored tensor of real numbers with at least
    one dimension counts as a parameter where it is used. Exporters merge a batch norm into the convolution
    before it, and such a file gives the merged network; ``torch.onnx.export(..., optimize=False)`` does not.

    Args:
        path: of a model with one input, whose first dimension is the batch: free, or any number.
        input_shape: (C, H, W) of one image, or however many dimensions the input has after the batch; needed
            where the file leaves some of them free.
        image_size: height and width of one image, in place of ``input_shape`` where these alone are free.

    Raises:
        InputError: the extra is missing, the file is no valid model, its input is not of ``input_shape`` or
            ``image_size``, or left free, or the shapes of its tensors cannot be found.
    """
    try:
        import onnx
        import onnx.inliner
    except ImportError as error:
        raise InputError("reading ONNX files needs the extra: pip install 'contrastive-nas[onnx]'") from error
    try:
        model = onnx.load(str(path))
        onnx.checker.check_model(model)
        if model.functions:
            model = onnx.inliner.inline_local_functions(model)
    except Exception as error:
        raise InputError(f"{path}: not a valid ONNX model: {first_line(error)}") from error
    quantised = onnx_quantised.is_quantised(model.graph)
    onnx_quantised.as_float(model.graph)
    try:
        source = _input(model.graph)
        found = _trace(model, source, _image(source, input_shape, image_size), str(path))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    if quantised:
        # Scales and zero points are not held.
        found.attributes[0] = NOT_HELD
    return found


def _trace(model: Any, source: Any, image: Dims, name: str) -> ComputationGraph:
    batch = source.type.tensor_type.shape.dim[0]
    if batch.dim_value:
        return _walked(model, source, (batch.dim_value, *image), name)
    try:
        return _walked(model, source, (BATCH, *image), name)
    except InputError:
        # Some files call a batch free and yet hold shapes for one image.
        try:
            return _walked(model, source, (1, *image), name)
        except InputError:
            pass
        raise


def _walked(model: Any, source: Any, shape: Dims, name: str) -> ComputationGraph:
    tensor = source.type.tensor_type
    opsets = {"" if one.domain == "ai.onnx" else one.domain: one.version for one in model.opset_import}
    stated = stated_shapes(model.graph, tensor.shape.dim[0].dim_param, shape[0])
    record = Recorder()
    walk = OnnxWalk(model.graph, record, shape[0], opsets, stated)
    outputs = walk.outputs(source.name, shape, tensor.elem_type)
    graph = record.graph(outputs)
    report_unknown(name, record)
    return graph


def _input(graph: Any) -> Any:
    weights = {tensor.name for tensor in graph.initializer}
    inputs = [one for one in graph.input if one.name not in weights]
    if len(inputs) != 1:
        raise InputError(f"{len(inputs)} inputs, where one image was expected")
    return inputs[0]


def _image(source: Any, input_shape: Sequence[int] | None, image_size: tuple[int, int] | None) -> Dims:
    """The shape of one image, as the file or the caller says."""
    sizes = source.type.tensor_type.shape.dim[1:]
    stated = [size.dim_value or size.dim_param or "?" for size in sizes]
    if input_shape is None and image_size is not None:
        input_shape = _sized(
            f"input {source.name} is {stated}", [size.dim_value for size in sizes], image_size
        )
    if input_shape is None:
        if not all(size.dim_value for size in sizes):
            raise InputError(
                f"input {source.name} has free sizes, {stated} for each image: give its shape as "
                "input_shape, or height and width as image_size (--image-size)"
            )
        return tuple(size.dim_value for size in sizes)
    shape = tuple(int(size) for size in input_shape)
    fits = len(shape) == len(sizes) and all(
        asked > 0 and size.dim_value in (0, asked) for asked, size in zip(shape, sizes, strict=True)
    )
    if not fits:
        raise InputError(f"input {source.name} is {stated} for each image, not the input_shape {list(shape)}")
    return shape


def _sized(said: str, sizes: Sequence[int], image_size: tuple[int, int]) -> Dims:
    """The shape of one image of a given height and width; sizes that the file leaves free are 0."""
    if len(sizes) < 3:
        raise InputError(f"{said}, no image: leave image_size out")
    if not all(sizes[:-2]):
        raise InputError(f"{said} for each image: give its shape as input_shape")
    if any(size not in (0, asked) for size, asked in zip(sizes[-2:], image_size, strict=True)):
        raise InputError(f"{said} for each image, not of image_size {'x'.join(map(str, image_size))}")
    return (*sizes[:-2], *image_size)
