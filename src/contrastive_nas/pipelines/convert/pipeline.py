"""Convert: computation graphs, their statistics and spectra."""

from kedro.pipeline import Pipeline

from contrastive_nas.pipelines.convert.nodes import convert_architectures, summarise_graphs
from contrastive_nas.pipelines.stage_node import StageNode


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            StageNode(
                func=convert_architectures,
                inputs=["table", "params:convert", "params:space", "earlier_graphs"],
                outputs="graphs",
                name="convert_architectures",
            ),
            StageNode(
                func=summarise_graphs, inputs="graphs", outputs="graph_summary", name="summarise_graphs"
            ),
        ]
    )
