"""Checks that a user's own parts can be run through: each raises AssertionError with what is wrong."""

from contrastive_nas.testing.ranker import check_ranker

__all__ = ["check_ranker"]
