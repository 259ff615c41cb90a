"""Readers of benchmark files, one file a format, each giving the same tidy table."""

from contrastive_nas.sources.base import Problem
from contrastive_nas.sources.describing import describe_file
from contrastive_nas.sources.download import Download, download, list_downloads
from contrastive_nas.sources.reading import SourceTable, read_graphs, read_table
from contrastive_nas.sources.registry import detect, list_sources
from contrastive_nas.sources.writing import write_table

__all__ = [
    "Download",
    "Problem",
    "SourceTable",
    "describe_file",
    "detect",
    "download",
    "list_downloads",
    "list_sources",
    "read_graphs",
    "read_table",
    "write_table",
]
