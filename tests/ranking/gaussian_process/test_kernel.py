import torch

from contrastive_nas.ranking.gaussian_process.kernel import View, compared, covariance, weighted_sums

VIEWS = (View("linear", 4), View("matern", 6), View("hamming", 3), View("matern", 2))


def test_weighted_sums_are_products_with_the_kernel():
    generator = torch.Generator().manual_seed(0)
    points, support = (torch.randn(count, 15, generator=generator, dtype=torch.float64) for count in (30, 9))
    weights = torch.randn(9, generator=generator, dtype=torch.float64)
    variances, lengths = (torch.rand(4, generator=generator, dtype=torch.float64) + 0.5 for _ in range(2))
    kernel = covariance(compared(points, support, VIEWS), VIEWS, variances, lengths)
    found = weighted_sums(points, support, weights, VIEWS, variances, lengths)
    torch.testing.assert_close(found, kernel @ weights, rtol=1e-9, atol=1e-9)
    # The kernel of a point with itself, whose squared distance may come out below 0.
    same = weighted_sums(support, support, weights, VIEWS, variances, lengths)
    assert torch.isfinite(same).all()
