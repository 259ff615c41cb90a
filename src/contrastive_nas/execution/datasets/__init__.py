"""Dataset classes for the catalog."""

from contrastive_nas.execution.datasets.aids import CheckpointFolder, EarlierResult, KeptFolder
from contrastive_nas.execution.datasets.artifact import ArtifactDataset
from contrastive_nas.execution.datasets.kinds import (
    FigureArtifact,
    JsonArtifact,
    PageArtifact,
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
    "PageArtifact",
    "ParquetArtifact",
    "PathArtifact",
    "RawFile",
]
