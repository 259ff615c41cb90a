"""Download: the files of a public benchmark."""

from kedro.pipeline import Node, Pipeline

from contrastive_nas.pipelines.download.nodes import download_benchmark


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                func=download_benchmark,
                inputs=["params:source", "params:raw_folder"],
                # Without an artifact it always runs: only a look at the files tells whether they are there.
                outputs=None,
                name="download_benchmark",
            )
        ]
    )
