"""Readers of benchmark files, one file a format, each giving the same tidy table."""

from contrastive_nas.sources.base import Problem
from contrastive_nas.sources.reading import SourceTable, read_table
from contrastive_nas.sources.registry import detect, list_sources
from contrastive_nas.sources.writing import write_table

__all__ = ["Problem", "SourceTable", "detect", "list_sources", "read_table", "write_table"]
