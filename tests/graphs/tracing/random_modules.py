"""Random modules from a grammar of layers and functions, for tests that export and read them again."""

import random
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

SIZE = 16


class Call(nn.Module):
    """A function of a tensor and of the parts that it is given."""

    def __init__(self, call: Callable[["Call", torch.Tensor], torch.Tensor], **parts: object) -> None:
        super().__init__()
        self.call = call
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.call(self, x)


def parameter(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.rand(*shape) + 0.5)


def _convolution(rng: random.Random, c: int, size: int) -> tuple[nn.Module, int, int]:
    kernel = rng.choice([1, 3, 5])
    groups = rng.choice([1, c, 2 if c % 2 == 0 else 1])
    out = groups * rng.randint(1, 12 // groups) if groups < 12 else c
    stride = rng.choice([1, 1, 2]) if size > 4 else 1
    dilation = rng.choice([1, 2]) if size > 8 else 1
    bias = rng.random() < 0.5
    layer = nn.Conv2d(c, out, kernel, stride, kernel // 2 * dilation, dilation, groups, bias)
    return layer, out, -(-size // stride)


def _upsampled(rng: random.Random, c: int, size: int) -> tuple[nn.Module, int, int]:
    out = rng.choice([2, 4, 6])
    return nn.ConvTranspose2d(c, out, 2, 2, bias=rng.random() < 0.5), out, 2 * size


def _pool(rng: random.Random, c: int, size: int) -> tuple[nn.Module, int, int]:
    if size < 4:
        return nn.Identity(), c, size
    return rng.choice([nn.MaxPool2d(2), nn.AvgPool2d(2)]), c, size // 2


def _norm(rng: random.Random, c: int, size: int) -> nn.Module:
    affine = rng.random() < 0.7
    return rng.choice(
        [
            nn.BatchNorm2d(c, affine=affine),
            nn.GroupNorm(2 if c % 2 == 0 else 1, c, affine=affine),
            nn.InstanceNorm2d(c, affine=affine) if size > 1 else nn.Identity(),
            Call(
                lambda s, x: s.n(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2),
                n=nn.LayerNorm(c, elementwise_affine=affine),
            ),
            nn.LocalResponseNorm(3),
        ]
    )


def _activation(rng: random.Random, c: int, size: int) -> nn.Module:
    kinds = (nn.ReLU, nn.ReLU6, nn.SiLU, nn.GELU, nn.Hardswish, nn.Hardsigmoid, nn.Mish, nn.ELU, nn.LeakyReLU)
    return rng.choice([*(kind() for kind in kinds), nn.PReLU(), nn.PReLU(c), nn.Softplus(), nn.Tanh()])


def _residual(rng: random.Random, c: int, size: int) -> nn.Module:
    body = nn.Sequential(nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c), nn.ReLU())
    return Call(lambda s, x: x + s.body(x), body=body)


def _gate(rng: random.Random, c: int, size: int) -> nn.Module:
    return Call(
        lambda s, x: x * s.up(s.down(x.mean((2, 3), keepdim=True)).relu()).sigmoid(),
        down=nn.Conv2d(c, 2, 1),
        up=nn.Conv2d(2, c, 1),
    )


def _shuffle(rng: random.Random, c: int, size: int) -> nn.Module:
    if c % 2:
        return nn.Identity()
    return Call(lambda s, x: x.view(x.shape[0], 2, c // 2, size, size).transpose(1, 2).reshape(x.shape))


def _halves(rng: random.Random, c: int, size: int) -> nn.Module:
    if c % 2:
        return nn.Identity()

    def call(s: Call, x: torch.Tensor) -> torch.Tensor:
        first, second = x.chunk(2, 1)
        return torch.cat([second, s.c(first)], 1)

    return Call(call, c=nn.Conv2d(c // 2, c // 2, 3, padding=1))


def _operand(rng: random.Random, c: int, size: int) -> nn.Module:
    """A parameter outside of a layer."""
    shape = rng.choice([(c, 1, 1), (c, size, size), (1, c, 1, 1), (1,)])
    functions = (
        lambda s, x: torch.where(x > 0, x, s.p),
        lambda s, x: torch.minimum(x, s.p),
        lambda s, x: torch.maximum(x, s.p),
        lambda s, x: x * s.p,
        lambda s, x: s.p - x,
        lambda s, x: x.clamp(min=0.01).pow(s.p),
        lambda s, x: x + x * s.p.sigmoid(),
        lambda s, x: x / (1 + s.p.abs()),
    )
    return Call(rng.choice(functions), p=parameter(*shape))


def _standardised(rng: random.Random, c: int, size: int) -> nn.Module:
    def call(s: Call, x: torch.Tensor) -> torch.Tensor:
        weight = s.w - s.w.mean((1, 2, 3), keepdim=True)
        return F.conv2d(x, weight * s.g, s.b, padding=1)

    return Call(call, w=parameter(c, c, 3, 3), g=parameter(c, 1, 1, 1), b=parameter(c))


def _twice(rng: random.Random, c: int, size: int) -> nn.Module:
    return Call(lambda s, x: s.c(s.c(x).relu()), c=nn.Conv2d(c, c, 3, padding=1))


def _padded(rng: random.Random, c: int, size: int) -> nn.Module:
    kind = rng.choice([nn.ZeroPad2d, nn.ReflectionPad2d, nn.ReplicationPad2d]) if size > 2 else nn.ZeroPad2d
    return nn.Sequential(kind(1), nn.Conv2d(c, c, 3))


def _channels_mixed(rng: random.Random, c: int, size: int) -> nn.Module:
    return Call(lambda s, x: torch.einsum("bchw,oc->bohw", x, s.w), w=parameter(c, c))


_SAME_SHAPE = (
    _norm,
    _norm,
    _activation,
    _activation,
    _residual,
    _gate,
    _shuffle,
    _halves,
    _operand,
    _standardised,
    _twice,
    _padded,
    _channels_mixed,
)


def _image_layer(rng: random.Random, c: int, size: int) -> tuple[nn.Module, int, int]:
    kind = rng.random()
    if kind < 0.25:
        return _convolution(rng, c, size)
    if kind < 0.3 and size < 16:
        return _upsampled(rng, c, size)
    if kind < 0.4:
        return _pool(rng, c, size)
    return rng.choice(_SAME_SHAPE)(rng, c, size), c, size


def _tokens(rng: random.Random, c: int, size: int) -> tuple[nn.Module, int]:
    """An image as tokens, maybe with one of its own and with positions."""
    own = rng.random() < 0.5

    def call(s: Call, x: torch.Tensor) -> torch.Tensor:
        x = x.flatten(2).transpose(1, 2)
        if own:
            x = torch.cat([s.own.expand(x.shape[0], -1, -1), x], 1)
        return x + s.positions

    length = size * size + own
    parts = {"positions": parameter(1, length, c)} | ({"own": parameter(1, 1, c)} if own else {})
    return Call(call, **parts), length


def _attention(rng: random.Random, width: int, length: int) -> nn.Module:
    heads = 2 if width % 2 == 0 else 1

    def call(s: Call, x: torch.Tensor) -> torch.Tensor:
        q, k, v = s.qkv(x).reshape(x.shape[0], length, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v)
        return x + s.out(y.transpose(1, 2).flatten(2))

    return Call(call, qkv=nn.Linear(width, 3 * width, bias=rng.random() < 0.5), out=nn.Linear(width, width))


def _multi_head(rng: random.Random, width: int, length: int) -> nn.Module:
    heads = 2 if width % 2 == 0 else 1
    layer = nn.MultiheadAttention(width, heads, batch_first=True)
    return Call(lambda s, x: s.layer(x, x, x, need_weights=False)[0], layer=layer)


def _perceptron(rng: random.Random, width: int, length: int) -> nn.Module:
    return nn.Sequential(
        nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
    )


def _tied(rng: random.Random, width: int, length: int) -> nn.Module:
    return Call(lambda s, x: s.a(s.a(x).relu()), a=nn.Linear(width, width))


def _slimmed(rng: random.Random, width: int, length: int) -> nn.Module:
    """Half of the columns of a wider layer; only used ones count, so the rest is cut off at once."""
    return Call(lambda s, x: x @ s.w + s.b, w=parameter(width, width), b=parameter(width))


def _mixed(rng: random.Random, width: int, length: int) -> nn.Module:
    return Call(
        lambda s, x: s.c(x.transpose(1, 2)).transpose(1, 2),
        c=nn.Conv1d(width, width, 3, padding=1, bias=rng.random() < 0.5),
    )


def _summed(rng: random.Random, width: int, length: int) -> nn.Module:
    return Call(lambda s, x: torch.einsum("btc,oc->bto", x, s.w), w=parameter(width, width))


def _masked(rng: random.Random, width: int, length: int) -> nn.Module:
    """Attention with a bias that is learned, or one that the network computes."""
    if rng.random() < 0.5:
        mask = parameter(1, 1, length, length)
        return Call(lambda s, x: _attend(x, s.mask), mask=mask)
    return Call(lambda s, x: _attend(x, s.mask(x).unsqueeze(1)), mask=nn.Linear(width, length))


def _attend(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    q = x.unsqueeze(1)
    return F.scaled_dot_product_attention(q, q, q, attn_mask=mask).squeeze(1)


def _recurrent(rng: random.Random, width: int, length: int) -> nn.Module:
    kind = rng.choice([nn.LSTM, nn.GRU])
    both = rng.random() < 0.5
    layer = kind(width, 3, rng.choice([1, 2]), bias=rng.random() < 0.7, batch_first=True, bidirectional=both)
    return Call(lambda s, x: s.out(s.layer(x)[0]), layer=layer, out=nn.Linear(6 if both else 3, width))


_ON_TOKENS = (_attention, _multi_head, _perceptron, _tied, _slimmed, _mixed, _summed, _masked, _recurrent)


def random_module(seed: int) -> nn.Module:
    """A network of 3 x ``SIZE`` x ``SIZE`` images: three to seven blocks on these, up to three on tokens."""
    rng = random.Random(seed)
    torch.manual_seed(seed)
    c, size = rng.choice([4, 6, 8]), SIZE // 2
    blocks: list[nn.Module] = [nn.Conv2d(3, c, 3, 2, 1)]
    for _ in range(rng.randint(2, 6)):
        block, c, size = _image_layer(rng, c, size)
        blocks.append(block)
    if rng.random() < 0.5:
        tokens, length = _tokens(rng, c, size)
        blocks.append(tokens)
        blocks += [rng.choice(_ON_TOKENS)(rng, c, length) for _ in range(rng.randint(1, 3))]
        blocks.append(rng.choice([Call(lambda s, x: x.mean(1)), Call(lambda s, x: x[:, 0])]))
    else:
        blocks += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    network = nn.Sequential(*blocks, nn.Linear(c, 10))
    for own in network.parameters():
        # As after some training: exporters keep equal numbers once, and leave out zeros.
        nn.init.uniform_(own, 0.5, 1.5)
    return network.eval()
