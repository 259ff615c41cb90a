"""What Kedro-Viz shows of results, asked of Kedro-Viz itself."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.express as px
import pytest
from kedro_viz.models.flowchart.node_metadata import DataNodeMetadata
from kedro_viz.models.flowchart.nodes import GraphNode

from contrastive_nas.execution.datasets import FigureArtifact, JsonArtifact, ParquetArtifact
from contrastive_nas.execution.datasets.artifact import ArtifactDataset

TABLE = pd.DataFrame({"architecture": ["a"] * 30, "accuracy": np.linspace(0, 90, 30)})
SUMMARY = {"accuracy": 97.5, "deviations": [0.1, 0.2], "ranker": None}
FIGURE = px.line(x=[1, 2], y=[3, 4])


def shown(dataset: ArtifactDataset) -> DataNodeMetadata:
    node = GraphNode.create_data_node("id", "name", "reporting", set(), dataset, None)
    return DataNodeMetadata(data_node=node)


@pytest.mark.parametrize(
    ("kind", "suffix", "content", "preview_type"),
    [
        (ParquetArtifact, "parquet", TABLE, "TablePreview"),
        (JsonArtifact, "json", SUMMARY, "JSONPreview"),
        (FigureArtifact, "json", FIGURE, "PlotlyPreview"),
    ],
)
def test_results_have_a_preview(
    tmp_path: Path, kind: type[ArtifactDataset], suffix: str, content: object, preview_type: str
) -> None:
    dataset = kind(str(tmp_path / f"result.{suffix}"))
    assert shown(dataset).preview is None
    dataset.save(content)
    found = shown(dataset)
    assert found.preview_type == preview_type
    # It is sent as JSON.
    json.dumps(found.preview)
    if content is TABLE:
        assert found.preview["columns"] == list(TABLE)
        assert found.preview["data"] == TABLE.head(20).to_numpy().tolist()
    elif content is SUMMARY:
        assert json.loads(found.preview) == SUMMARY
    else:
        assert found.preview == json.loads(FIGURE.to_json())
