"""Dataset classes for the catalog."""

from contrastive_nas.execution.datasets.artifact import ArtifactDataset
from contrastive_nas.execution.datasets.checkpoint_folder import CheckpointFolder
from contrastive_nas.execution.datasets.earlier_result import EarlierResult
from contrastive_nas.execution.datasets.kept_folder import KeptFolder
from contrastive_nas.execution.datasets.kinds import (
    FigureArtifact,
    JsonArtifact,
    ParquetArtifact,
    PathArtifact,
)
from contrastive_nas.execution.datasets.raw_file import RawFile

__all__ = [
    "ArtifactDataset",
    "CheckpointFolder",
    "EarlierResult",
    "FigureArtifact",
    "JsonArtifact",
    "KeptFolder",
    "ParquetArtifact",
    "PathArtifact",
    "RawFile",
]
