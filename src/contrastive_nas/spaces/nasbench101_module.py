"""The network around a cell of NAS-Bench-101, as a module; nasbench101_network says what it consists of."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from contrastive_nas.spaces.nasbench101_cells import OPERATIONS, Cell
from contrastive_nas.spaces.nasbench101_network import BATCH_NORM_MOMENTUM, vertex_channels
from contrastive_nas.spaces.stacked_cells import STAGES


class _Convolution(nn.Sequential):
    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(outputs, momentum=BATCH_NORM_MOMENTUM),
            nn.ReLU(),
        )


class _NASBench101Cell(nn.Module):
    def __init__(self, cell: Cell, inputs: int, outputs: int) -> None:
        super().__init__()
        self.sources = cell.sources
        self.channels = vertex_channels(cell, inputs, outputs)
        self.projections = nn.ModuleDict(
            {
                str(target): _Convolution(inputs, self.channels[target], 1)
                for target, sources in enumerate(cell.sources)
                if 0 in sources
            }
        )
        self.operations = nn.ModuleList(
            _operation(OPERATIONS[label], width)
            for label, width in zip(cell.labels, self.channels[1:-1], strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        last = len(self.sources) - 1
        values = [x]
        for vertex, operation in enumerate(self.operations, start=1):
            values.append(operation(sum_of(self._read(values, vertex))))
        joined = [values[source] for source in self.sources[last] if source]
        results = [torch.cat(joined, dim=1) if len(joined) > 1 else joined[0]] if joined else []
        if 0 in self.sources[last]:
            results.append(self.projections[str(last)](x))
        return sum_of(results)

    def _read(self, values: Sequence[Tensor], vertex: int) -> list[Tensor]:
        width = self.channels[vertex]
        return [
            self._cut(values[source], self.channels[source], width)
            if source
            else self.projections[str(vertex)](values[0])
            for source in self.sources[vertex]
        ]

    @staticmethod
    def _cut(x: Tensor, own: int, channels: int) -> Tensor:
        return x if own == channels else x[:, :channels]


def sum_of(values: Sequence[Tensor]) -> Tensor:
    """Return the sum, without the zero that Python's ``sum`` starts from."""
    total, *others = values
    for value in others:
        total = total + value
    return total


def _operation(name: str, channels: int) -> nn.Module:
    if name == "maxpool3x3":
        return nn.MaxPool2d(3, stride=1, padding=1)
    return _Convolution(channels, channels, int(name[4]))


class NASBench101Network(nn.Module):
    """The whole network.

    Args:
        cell: the cell that is repeated.
        channels: of the stem and the first stack.
        cells: per stack.
        classes: outputs of the linear layer.
        image_channels: of the images.
    """

    def __init__(self, cell: Cell, channels: int, cells: int, classes: int, image_channels: int) -> None:
        super().__init__()
        body: list[nn.Module] = [_Convolution(image_channels, channels, 3)]
        inputs = channels
        for stack in range(STAGES):
            if stack:
                body.append(nn.MaxPool2d(2))
            for _ in range(cells):
                body.append(_NASBench101Cell(cell, inputs, channels << stack))
                inputs = channels << stack
        self.body = nn.Sequential(*body)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))

    def forward(self, x: Tensor) -> Tensor:
        """Return logits, (batch, classes), of images (batch, C, H, W)."""
        return self.head(self.body(x))
