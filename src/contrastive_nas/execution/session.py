"""Kedro's sessions as this project has them: with the caching runner by default."""

from kedro.framework.session import service_session, session

from contrastive_nas.execution.runner import CachingRunner

DEFAULT = "SequentialRunner"


def use_caching_runner() -> None:
    """Change the runner that Kedro's sessions take when they are given none.

    Kedro has no setting for it: ``KedroSession.run()``, which notebooks and programs call, fills in the class
    that its module knows as ``SequentialRunner``. Whoever passes a runner, or imports ``SequentialRunner``
    from ``kedro.runner``, gets what was asked for.
    """
    for module in (session, service_session):
        if not hasattr(module, DEFAULT):
            raise RuntimeError(
                f"{module.__name__} takes its default runner from elsewhere in this version of Kedro"
            )
        setattr(module, DEFAULT, CachingRunner)
