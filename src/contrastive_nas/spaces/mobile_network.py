"""Networks that are a stem, inverted residual blocks and a head: the frame of three search spaces."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from torch import nn

from contrastive_nas.graphs.builder import GraphBuilder, Shape
from contrastive_nas.graphs.compose import Fragment, FragmentBuilder, FragmentLibrary, head_fragment
from contrastive_nas.graphs.schema import ComputationGraph, GraphBatch
from contrastive_nas.spaces.base import Architecture, SearchSpace
from contrastive_nas.spaces.checks import check_positive, parse_rows
from contrastive_nas.spaces.mobile_blocks import (
    Activation,
    ConvolutionUnit,
    InvertedResidual,
    InvertedResidualModule,
    activation_module,
    write_activation,
    write_block,
    write_unit,
)


@dataclass(frozen=True)
class MobilePlan:
    """One network.

    Attributes:
        resolution: height and width of the images.
        stem: channels of the first convolution, 3x3 with stride 2.
        blocks: in their order.
        features: channels of the 1x1 convolution before the global average pooling.
        mixed: channels of a second 1x1 convolution, without batch norm, after the pooling; 0 for none.
        activation: of stem and head.
    """

    resolution: int
    stem: int
    blocks: tuple[InvertedResidual, ...]
    features: int
    mixed: int
    activation: Activation


class MobileSpace(SearchSpace):
    """What spaces of such networks share; a space adds choices and :meth:`plan`.

    Args:
        classes: outputs of the linear layer.
        image_channels: of the images.
        batch_norm_epsilon: added to variances.

    Raises:
        InputError: an option is out of its range.
    """

    def __init__(self, classes: int, image_channels: int, batch_norm_epsilon: float = 1e-5) -> None:
        check_positive(self.name, classes=classes, image_channels=image_channels)
        self._classes = classes
        self._image_channels = image_channels
        self._batch_norm_epsilon = batch_norm_epsilon
        self._library = FragmentLibrary()

    @abstractmethod
    def plan(self, architecture: Architecture) -> MobilePlan:
        """Return the network that a string stands for.

        Raises:
            InputError: the string is no architecture of this space.
        """

    def build(self, architecture: Architecture) -> nn.Module:
        plan = self.plan(architecture)
        stem = ConvolutionUnit(self._image_channels, plan.stem, 3, stride=2, activation=plan.activation)
        blocks = nn.Sequential(*map(InvertedResidualModule, plan.blocks))
        head: list[nn.Module] = [
            ConvolutionUnit(plan.blocks[-1].outputs, plan.features, activation=plan.activation),
            nn.AdaptiveAvgPool2d(1),
        ]
        if plan.mixed:
            head += [nn.Conv2d(plan.features, plan.mixed, 1, bias=False), activation_module(plan.activation)]
        head += [nn.Flatten()]
        head.append(nn.Linear(plan.mixed or plan.features, self._classes))
        network = nn.Sequential(stem, blocks, nn.Sequential(*head))
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = self._batch_norm_epsilon
        return network

    def graph(self, architecture: Architecture) -> ComputationGraph:
        return self._compose([self.plan(architecture)])[0]

    def graphs(self, architectures: Sequence[Architecture]) -> GraphBatch:
        return self._compose(parse_rows(self.name, architectures, self.plan))

    def _compose(self, plans: Sequence[MobilePlan]) -> GraphBatch:
        number = self._library.number
        networks, epsilon = [], self._batch_norm_epsilon
        for plan in plans:
            size = halved(plan.resolution)
            network = [number(("stem", plan.resolution), partial(self._write_stem, plan))]
            for block in plan.blocks:
                shape = (block.inputs, size, size)
                network.append(number((block, size), partial(write_block, block, shape, epsilon)))
                if block.stride == 2:
                    size = halved(size)
            head_shape = (plan.blocks[-1].outputs, size, size)
            network.append(number(("head", size), partial(self._write_head, plan, head_shape)))
            networks.append(network)
        return self._library.chain(networks)

    def _write_stem(self, plan: MobilePlan) -> Fragment:
        graph = GraphBuilder((self._image_channels, plan.resolution, plan.resolution))
        graph.epsilon = self._batch_norm_epsilon
        stem = write_unit(graph, graph.input, plan.stem, 3, stride=2, activation=plan.activation)
        return head_fragment(graph, stem)

    def _write_head(self, plan: MobilePlan, shape: Shape) -> Fragment:
        graph = FragmentBuilder(shape)
        graph.epsilon = self._batch_norm_epsilon
        x = write_unit(graph, graph.ports[0], plan.features, activation=plan.activation)
        x = graph.global_avg_pool(x)
        if plan.mixed:
            x = write_activation(graph, graph.conv(x, plan.mixed, 1), plan.activation)
        return graph.fragment(graph.output(graph.linear(x, self._classes)))


def halved(size: int) -> int:
    """Return height or width after a padded convolution of stride 2."""
    return (size + 1) // 2
