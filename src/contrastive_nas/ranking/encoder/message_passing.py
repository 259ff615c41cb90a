"""Sums over neighbours as sparse products, with two engines that give the same numbers.

Every sum over neighbours or over the nodes of a graph is one product of a sparse matrix with dense rows. The
matrix is rectangular: rows are receivers, columns are senders.
"""

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from torch import Tensor, nn

from contrastive_nas.errors import InputError
from contrastive_nas.ranking.parameters import Engine


class SparseProduct:
    """A sparse matrix that multiplies dense rows, with a derivative for the dense side.

    Args:
        matrix: receivers x senders.
        engine: ``torch`` multiplies compressed rows; ``dgl`` passes messages over a bipartite graph, where
            DGL has a build for this Python and processor.
        device: where the product runs.

    Raises:
        InputError: the engine is unknown or not installed.
    """

    def __init__(
        self, matrix: csr_matrix, engine: Engine = "torch", device: torch.device | str = "cpu"
    ) -> None:
        if engine not in ("torch", "dgl"):
            raise InputError(f"engine {engine!r} is unknown: use torch or dgl")
        self.matrix = matrix
        self.engine = engine
        self.device = torch.device(device)

    def __matmul__(self, dense: Tensor) -> Tensor:
        """receivers x width from senders x width."""
        if self.engine == "dgl":
            graph, weights = self._dgl
            result: Tensor = _dgl().ops.u_mul_e_sum(graph, dense, weights)
            return result
        product: Tensor = _CompressedProduct.apply(dense, self)
        return product

    @cached_property
    def rows(self) -> "_Rows":
        """The matrix, for the product."""
        return _Rows.of(self.matrix, self.device)

    @cached_property
    def columns(self) -> "_Rows":
        """The transposed matrix, for the derivative."""
        return _Rows.of(self.matrix.T.tocsr(), self.device)

    @cached_property
    def _dgl(self) -> tuple[Any, Tensor]:
        pairs = self.matrix.tocoo()
        graph = _dgl().heterograph(
            {("sender", "to", "receiver"): (torch.from_numpy(pairs.col), torch.from_numpy(pairs.row))},
            num_nodes_dict={"sender": self.matrix.shape[1], "receiver": self.matrix.shape[0]},
            device=self.device,
        )
        return graph, torch.from_numpy(pairs.data).to(self.device).unsqueeze(1)


@dataclass(frozen=True)
class _Rows:
    """A matrix in compressed rows.

    A bag of embeddings is the same sum as torch's product with a compressed matrix, at a third of the time.
    """

    indices: Tensor
    starts: Tensor
    values: Tensor

    @classmethod
    def of(cls, matrix: csr_matrix, device: torch.device) -> "_Rows":
        parts = (matrix.indices, matrix.indptr, matrix.data)
        return cls(*(torch.from_numpy(part).to(device) for part in parts))

    def __matmul__(self, dense: Tensor) -> Tensor:
        return nn.functional.embedding_bag(
            self.indices,
            dense,
            self.starts,
            mode="sum",
            per_sample_weights=self.values,
            include_last_offset=True,
        )


class _CompressedProduct(torch.autograd.Function):
    """A @ x with gradient A^T @ g; a bag's own derivative would add up gradients of the matrix, too."""

    @staticmethod
    def forward(ctx: Any, dense: Tensor, product: SparseProduct) -> Tensor:
        ctx.product = product
        return product.rows @ dense.detach()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.product.columns @ gradients[0].contiguous(), None


def sparse_rows(
    rows: NDArray[np.integer],
    columns: NDArray[np.integer],
    values: NDArray[np.floating],
    shape: tuple[int, int],
) -> csr_matrix:
    """Return the float32 matrix that has ``values`` at the given places; those at one place add up in
    products.
    """
    # By hand, since csr_matrix would sort every row and merge its entries, which products do not need.
    order = np.argsort(rows, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=shape[0]))])
    return csr_matrix((values.astype(np.float32)[order], columns[order], starts), shape)


def scaled_rows(matrix: csr_matrix) -> csr_matrix:
    """Return the matrix with rows that add up to 1; rows without entries stay zero."""
    totals = np.asarray(matrix.sum(axis=1)).reshape(-1)
    scaled = matrix.copy()
    scaled.data = matrix.data / np.repeat(np.maximum(totals, 1e-30), np.diff(matrix.indptr)).astype(
        np.float32
    )
    return scaled


def _dgl() -> Any:
    # Without the variable DGL writes a configuration file into the user's home and prints about it.
    os.environ.setdefault("DGLBACKEND", "pytorch")
    try:
        import dgl
    except ImportError as error:
        raise InputError(
            "engine 'dgl' needs DGL, which has no build for this Python; use engine torch"
        ) from error
    return dgl
