import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix, random_array

from contrastive_nas.errors import InputError
from contrastive_nas.ranking.encoder.message_passing import SparseProduct, scaled_rows


@pytest.fixture
def matrix() -> csr_matrix:
    found = random_array((40, 30), density=0.1, rng=np.random.default_rng(0), dtype=np.float32)
    return csr_matrix(found)


@pytest.mark.parametrize("engine", ["torch", "dgl"])
def test_engine_agrees_with_the_dense_product_forward_and_backward(matrix, engine):
    if engine == "dgl":
        pytest.importorskip("dgl")
    torch.manual_seed(0)
    dense = torch.randn(30, 8, requires_grad=True)
    reference = dense.detach().clone().requires_grad_()
    target = torch.randn(40, 8)

    result = SparseProduct(matrix, engine) @ dense
    expected = torch.from_numpy(matrix.toarray()) @ reference
    ((result - target) ** 2).sum().backward()
    ((expected - target) ** 2).sum().backward()

    assert result.shape == (40, 8)
    torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(dense.grad, reference.grad, rtol=1e-5, atol=1e-5)


def test_derivative_agrees_with_finite_differences(matrix):
    product = SparseProduct(matrix.astype(np.float64))
    dense = torch.randn(30, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda values: product @ values, dense)


def test_scaled_rows_average(matrix):
    scaled = scaled_rows(matrix).toarray()
    sums = matrix.toarray().sum(axis=1)
    np.testing.assert_allclose(scaled.sum(axis=1), (sums > 0).astype(float), atol=1e-6)
    np.testing.assert_allclose(scaled * sums[:, None], matrix.toarray(), atol=1e-6)


def test_unknown_engine_is_one_clear_error(matrix):
    with pytest.raises(InputError, match="engine 'pyg' is unknown"):
        SparseProduct(matrix, "pyg")
