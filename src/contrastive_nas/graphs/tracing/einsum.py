"""Sums of products over named dimensions, as products of two tensors.

More than two factors are multiplied from left to right, as PyTorch does. What only one of two factors has and
nothing after them needs is summed before they are multiplied, which is no multiplication.
"""

import math
import string
from collections import Counter
from collections.abc import Sequence

from contrastive_nas.graphs.operations import Operation
from contrastive_nas.graphs.tracing import elementwise, layers
from contrastive_nas.graphs.tracing.record import BATCH, Constant, Dims, Recorder, Value
from contrastive_nas.graphs.tracing.weights import weights_of

Operand = Value | Constant


def letters(equation: str, ranks: Sequence[int]) -> tuple[list[str], str]:
    """Return the dimensions of the factors and of the result, one letter each.

    Dots are spelled out; without an arrow the result has the dots and the letters that stand once, sorted.

    Args:
        equation: as PyTorch and NumPy take it.
        ranks: number of dimensions of each factor.
    """
    left, arrow, output = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    hidden = [rank - len(term.replace("...", "")) for term, rank in zip(terms, ranks, strict=True)]
    free = [letter for letter in string.ascii_letters if letter not in equation]
    dots = "".join(
        free[: max((count for count, term in zip(hidden, terms, strict=True) if "." in term), default=0)]
    )
    spelled = [
        term.replace("...", dots[len(dots) - count :]) for term, count in zip(terms, hidden, strict=True)
    ]
    if arrow:
        return spelled, output.replace("...", dots)
    counts = Counter(letter for term in terms for letter in term if letter != ".")
    return spelled, dots + "".join(sorted(letter for letter, count in counts.items() if count == 1))


def letters_of_tensordot(
    left: int, right: int, summed_left: Sequence[int], summed_right: Sequence[int]
) -> tuple[list[str], str]:
    """Return the same for a product of two tensors that is summed over pairs of dimensions.

    Args:
        left: number of dimensions of the first factor.
        right: of the second one.
        summed_left: dimensions of the first factor that are summed over.
        summed_right: their partners.
    """
    first = list(string.ascii_lowercase[:left])
    second = list(string.ascii_uppercase[:right])
    for one, other in zip(summed_left, summed_right, strict=True):
        second[other] = first[one]
    output = [letter for letter in first if letter not in second]
    output += [letter for letter in second if letter not in first]
    return ["".join(first), "".join(second)], "".join(output)


def product(
    record: Recorder, terms: Sequence[str], output: str, operands: Sequence[Operand], shape: Dims
) -> Value:
    """Return the nodes of a sum of products.

    Args:
        record: where to write.
        terms: dimensions of the factors, one letter each.
        output: those of the result.
        operands: the factors, one of which at least depends on the input.
        shape: of the result with the batch.
    """
    sizes: dict[str, int] = {}
    for term, operand in zip(terms, operands, strict=True):
        for letter, size in zip(term, operand.shape, strict=True):
            sizes[letter] = max(size, sizes.get(letter, 1))
    left, kept = operands[0], terms[0]
    if len(operands) == 1:
        assert isinstance(left, Value)
        return _one_factor(record, left, kept, output, shape)
    for place in range(1, len(operands)):
        right, term = operands[place], terms[place]
        needed = {*output, *"".join(terms[place + 1 :])}
        both = dict.fromkeys(kept + term)
        names = [letter for letter in both if letter in needed]
        is_last = place == len(operands) - 1
        given = shape if is_last else tuple(sizes[letter] for letter in names)
        summed = [letter for letter in both if letter in kept and letter in term and letter not in needed]
        left = _two_factors(record, (left, kept), (right, term), summed, sizes, given)
        kept = "".join(names)
    return elementwise.as_value(record, left, None)


def _two_factors(
    record: Recorder,
    left: tuple[Operand, str],
    right: tuple[Operand, str],
    summed: Sequence[str],
    sizes: dict[str, int],
    shape: Dims,
) -> Operand:
    (a, a_letters), (b, b_letters) = left, right
    if isinstance(a, Constant) and isinstance(b, Constant):
        # Computed once, not for each image.
        return Constant((a.key, b.key, shape), shape, tuple(dict.fromkeys(a.parameters + b.parameters)))
    products = math.prod(_of_an_image(sizes[letter]) for letter in summed)
    for x, x_letters, weight, letters_of_weight in (
        (a, a_letters, b, b_letters),
        (b, b_letters, a, a_letters),
    ):
        if isinstance(x, Value) and isinstance(weight, Constant) and weight.parameters and len(summed) == 1:
            new = [letter for letter in letters_of_weight if letter not in x_letters]
            if len(letters_of_weight) == 2 and len(new) == 1 and x_letters[-1] == summed[0]:
                held = weights_of(record, weight)
                size = (sizes[new[0]], sizes[summed[0]])
                return layers.linear(record, x, size, shape, bias=False, key=held.key, beside=held.beside)
    first, second = elementwise.as_value(record, a, b), elementwise.as_value(record, b, a)
    if all(sizes[letter] == 1 for letter in summed):
        return layers.join(record, Operation.MUL, [first, second], shape)
    return layers.matrix_product(record, first, second, shape, summed=products)


def _one_factor(record: Recorder, x: Value, term: str, output: str, shape: Dims) -> Value:
    if len(set(term)) < len(term):
        diagonal = "".join(dict.fromkeys(term))
        sizes = dict(zip(term, x.shape, strict=True))
        cut = shape if diagonal == output else tuple(sizes[letter] for letter in diagonal)
        x, term = record.add(Operation.SLICE, [x], cut), diagonal
        if diagonal == output:
            return x
    if len(output) < len(term):
        axes = [place for place, letter in enumerate(term) if letter not in output]
        return layers.reduction(record, x, axes, shape, None, "sum")
    return layers.permute(record, x, [term.index(letter) for letter in output], shape)


def _of_an_image(size: int) -> int:
    """A size without the batch."""
    return size // BATCH if size % BATCH == 0 else size
