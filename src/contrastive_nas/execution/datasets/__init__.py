"""Dataset classes for the catalog."""

from contrastive_nas.execution.datasets.artifact import ArtifactDataset
from contrastive_nas.execution.datasets.checkpoint_folder import CheckpointFolder
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
    "FigureArtifact",
    "JsonArtifact",
    "ParquetArtifact",
    "PathArtifact",
    "RawFile",
]
