"""The protobuf message that NAS-Bench-101 stores a training's results in (``model_metrics.proto``)."""

from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from contrastive_nas.tables.base import RowError

# Types and labels as `descriptor.proto` numbers them.
_DOUBLE, _INT32, _STRING, _MESSAGE = 1, 5, 9, 11
_OPTIONAL, _REPEATED = 1, 3
# Numbered from 1 in this order.
_EVALUATION = {
    "current_epoch": _DOUBLE,
    "training_time": _DOUBLE,
    "train_accuracy": _DOUBLE,
    "validation_accuracy": _DOUBLE,
    "test_accuracy": _DOUBLE,
    "checkpoint_path": _STRING,
}
# At the start, half-way and at the end of the training.
_EVALUATIONS = 3


@cache
def _message_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="model_metrics.proto", package="nasbench", syntax="proto2")
    evaluation = file.message_type.add(name="EvaluationData")
    for number, (name, kind) in enumerate(_EVALUATION.items(), start=1):
        evaluation.field.add(name=name, number=number, type=kind, label=_OPTIONAL)
    metrics = file.message_type.add(name="ModelMetrics")
    metrics.field.add(
        name="evaluation_data", number=1, type=_MESSAGE, label=_REPEATED, type_name=".nasbench.EvaluationData"
    )
    metrics.field.add(name="trainable_parameters", number=2, type=_INT32, label=_OPTIONAL)
    metrics.field.add(name="total_time", number=3, type=_DOUBLE, label=_OPTIONAL)
    # A pool of its own: another library in the process may have registered the same file name.
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("nasbench.ModelMetrics"))


def final_evaluation(message: bytes) -> tuple[int, float, float, float, float]:
    """Return trainable parameters, then train, validation and test accuracy (fractions) and seconds at the
    end.

    Raises:
        RowError: the bytes are no such message, or without the evaluation at the end.
    """
    try:
        metrics = _message_class().FromString(message)
    except DecodeError as error:
        raise RowError(f"the metrics are not a ModelMetrics message: {error}") from None
    evaluations = metrics.evaluation_data
    if len(evaluations) != _EVALUATIONS:
        raise RowError(f"{len(evaluations)} evaluations instead of {_EVALUATIONS}")
    final = evaluations[-1]
    return (
        metrics.trainable_parameters,
        final.train_accuracy,
        final.validation_accuracy,
        final.test_accuracy,
        final.training_time,
    )
