"""Readers of benchmark files, one file a format, each giving the same tidy table."""

from contrastive_nas.tables.base import Problem
from contrastive_nas.tables.describing import describe_file
from contrastive_nas.tables.download import Download, download, list_downloads
from contrastive_nas.tables.formats.tidy_parquet import write_table
from contrastive_nas.tables.reading import SourceTable, read_graphs, read_table
from contrastive_nas.tables.registry import detect, list_sources

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
