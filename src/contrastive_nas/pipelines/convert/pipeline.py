"""Convert: computation graphs, their statistics and spectra."""

from kedro.pipeline import Node, Pipeline

from contrastive_nas.pipelines.convert.nodes import convert_architectures, summarise_graphs


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                func=convert_architectures,
                inputs=["table", "params:convert", "params:space", "earlier_graphs"],
                outputs="graphs",
                name="convert_architectures",
            ),
            Node(func=summarise_graphs, inputs="graphs", outputs="graph_summary", name="summarise_graphs"),
        ]
    )
