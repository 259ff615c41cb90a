"""Multiply-accumulates and parameters of graphs and modules, counted apart from the package's statistics."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.schema import GraphBatch

Counts = NDArray[np.int64]


def per_graph(batch: GraphBatch, values: Counts) -> Counts:
    return np.add.reduceat(values, batch.node_offsets[:-1])


def node_elements(batch: GraphBatch) -> Counts:
    """Numbers in the output of every node."""
    return batch.features[:, 4:7].astype(np.int64).prod(axis=1)


def macs(batch: GraphBatch) -> Counts:
    """Multiply-accumulates of convolutions and linear layers per graph."""
    weight = batch.features[:, 14:18].astype(np.int64)
    counted = np.isin(batch.features[:, 0], [Operation.CONV, Operation.LINEAR])
    return per_graph(batch, np.where(counted, node_elements(batch) * weight[:, 1:].prod(axis=1), 0))


def parameters(batch: GraphBatch) -> Counts:
    """Weights and biases per graph."""
    weight = batch.features[:, 14:18].astype(np.int64)
    bias = np.where(batch.features[:, 18] > 0, weight[:, 0], 0)
    return per_graph(batch, weight.prod(axis=1) + bias)


def module_macs(module: nn.Module, input_shape: tuple[int, int, int]) -> int:
    """As torch counts them; on tensors without data where the module was built so."""
    device = next(module.parameters()).device
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module.eval()(torch.zeros(1, *input_shape, device=device))
    return counter.get_total_flops() // 2


def module_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
