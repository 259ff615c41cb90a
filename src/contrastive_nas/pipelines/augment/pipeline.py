"""Augment: pseudo-labels, and a comparator trained on with them."""

from kedro.pipeline import Node, Pipeline

from contrastive_nas.pipelines.augment.nodes import (
    augment_comparator,
    draw_calibration,
    measure_augmentation,
)


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                func=augment_comparator,
                inputs=[
                    "comparator",
                    "graphs",
                    "first_labels",
                    "params:augment",
                    "params:space",
                    "params:seed",
                    "params:device",
                ],
                outputs=["augmented_comparator", "pseudo_labels"],
                name="augment_comparator",
                tags="gpu",
            ),
            Node(
                func=measure_augmentation,
                inputs=[
                    "augmented_comparator",
                    "graphs",
                    "table",
                    "first_labels",
                    "pseudo_labels",
                    "first_comparator_metrics",
                    "params:space",
                    "params:target",
                ],
                outputs="comparator_metrics",
                name="measure_augmentation",
            ),
            Node(
                func=draw_calibration,
                inputs=[
                    "augmented_comparator",
                    "graphs",
                    "table",
                    "first_labels",
                    "params:target",
                ],
                outputs="calibration_figure",
                name="draw_calibration",
            ),
        ]
    )
