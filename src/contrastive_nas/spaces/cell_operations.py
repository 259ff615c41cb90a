"""What cells of several spaces put on their edges, as modules and as nodes of a graph.

Source: Liu et al., DARTS: Differentiable Architecture Search, ICLR 2019, section 3.1; NAS-Bench-201 and
TransNAS-Bench-101 took them over.
"""

from torch import Tensor, nn

from contrastive_nas.graphs.builder import GraphBuilder
from contrastive_nas.graphs.operations import Operation


class ReLUConvBN(nn.Sequential):
    """ReLU, convolution, batch norm."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__(
            nn.ReLU(),
            nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(outputs),
        )


def write_relu_conv_bn(graph: GraphBuilder, x: int, channels: int, kernel: int = 1, stride: int = 1) -> int:
    """Return the nodes of :class:`ReLUConvBN`."""
    return graph.batch_norm(graph.conv(graph.relu(x), channels, kernel, stride=stride))


class Zero(nn.Module):
    """Zeros of the shape that other operations of the same stride give."""

    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Return zeros, (batch, C, H / stride, W / stride), of ``x``, (batch, C, H, W)."""
        return x[:, :, :: self.stride, :: self.stride] * 0.0


def write_zero(graph: GraphBuilder, x: int, stride: int = 1) -> int:
    """Return the nodes of :class:`Zero`."""
    if stride > 1:
        channels, height, width = graph.shape(x)
        x = graph.slice(x, (channels, height // stride, width), step=stride)
        x = graph.slice(x, (channels, height // stride, width // stride), step=stride)
    return graph.unary(Operation.ZERO, x)
