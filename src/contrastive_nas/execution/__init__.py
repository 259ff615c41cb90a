"""How pipelines run: datasets, fingerprints, the caching runner and the record of every run."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contrastive_nas.execution.ray_runner import RayRunner

__all__ = ["RayRunner"]


def __getattr__(name: str) -> Any:
    # For `kedro run --runner contrastive_nas.execution.RayRunner`; nobody else waits for it.
    if name == "RayRunner":
        from contrastive_nas.execution.ray_runner import RayRunner

        return RayRunner
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
