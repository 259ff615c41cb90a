"""Search spaces, and the registry that finds them by name."""

from contrastive_nas.spaces.base import Architecture, Choice, SearchSpace
from contrastive_nas.spaces.registry import list_spaces, load_space

__all__ = ["Architecture", "Choice", "SearchSpace", "list_spaces", "load_space"]
