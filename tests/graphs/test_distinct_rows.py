import numpy as np
import pytest

from contrastive_nas.graphs import schema


@pytest.mark.parametrize(
    ("rows", "columns", "largest"), [(0, 20, 9), (1, 3, 9), (2000, 20, 2), (2000, 3, 3), (500, 4, 2**30)]
)
def test_as_numpys(rows, columns, largest):
    values = np.random.default_rng(rows).integers(-largest, largest, size=(rows, columns)).astype(np.int32)
    found, group = schema.distinct_rows(values)
    expected, expected_group = np.unique(values, axis=0, return_inverse=True)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(group, expected_group.reshape(-1))


def test_rows_whose_numbers_collide():
    """Rows are compared in the end, so that a collision costs time, not truth."""
    factor = int(np.uint64(0x9E3779B97F4A7C15))
    inverse = pow(factor, -1, 2**64)
    values = np.array([[1, 0], [0, inverse]], dtype=np.uint64).astype(np.int64)
    found, group = schema.distinct_rows(values)
    assert len(found) == 2
    assert sorted(group.tolist()) == [0, 1]
