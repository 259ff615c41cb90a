"""Nodes whose stage is a namespace: Kedro-Viz folds a stage to one box, deployers take it as one step."""

import inspect
from typing import Any

from kedro.pipeline import Node, Pipeline
from kedro.pipeline.preview_contract import TextPreview


class StageNode(Node):
    """A node that keeps its short name within its namespace, as people type it and records hold it.

    Kedro's own node would be called ``search.draw_search``.
    """

    @property
    def name(self) -> str:
        """Name without the namespace; no two nodes of the project share one."""
        return str(self.short_name)

    def preview(self) -> TextPreview:
        """Give what Kedro-Viz says of a node: the documentation of its function."""
        return TextPreview(content=inspect.getdoc(self.func) or "")

    @classmethod
    def of(cls, node: Node) -> "StageNode":
        """Make any node one of this kind."""
        return cls(
            func=node.func,
            inputs=node._inputs,
            outputs=node._outputs,
            name=node._name,
            tags=node.tags,
            confirms=node.confirms,
            namespace=node.namespace,
        )

    def _copy(self, **changes: Any) -> Node:
        """Copy the node with changes; Kedro's own method would make it a node of the common kind."""
        return self.of(super()._copy(**changes))


def as_stage(pipeline: Pipeline, stage: str) -> Pipeline:
    """Put the nodes of a stage into its namespace and tag them with its name; data sets keep their names."""
    nodes = [StageNode.of(node) for node in pipeline.nodes]
    return Pipeline(nodes, namespace=stage, prefix_datasets_with_namespace=False, tags=stage)
