"""Every stage is a namespace, and all names that people type stay."""

import warnings
from collections import Counter

import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro_viz.data_access.managers import DataAccessManager
from kedro_viz.models.flowchart.node_metadata import TaskNodeMetadata
from kedro_viz.models.flowchart.nodes import GraphNodeType
from tests.pipelines.project import ROOT

from contrastive_nas.pipeline_registry import CHAIN, ON_REQUEST, register_pipelines
from contrastive_nas.pipelines.stage_node import StageNode

# The order of the layers of data engineering, with what is made after the report.
LAYERS = ["raw", "intermediate", "primary", "feature", "model_input", "models", "model_output", "reporting"]
STAGES = {*CHAIN, *ON_REQUEST}


@pytest.fixture(scope="module")
def manager() -> DataAccessManager:
    """Kedro-Viz's own view of the project."""
    bootstrap_project(ROOT)
    with KedroSession.create(project_path=ROOT) as session:
        catalog = session.load_context().catalog
    found = DataAccessManager()
    found.add_catalog(catalog, register_pipelines())
    found.add_pipelines(register_pipelines())
    return found


def test_stages_are_namespaces_and_names_stay_short() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Kedro warns of a namespace that is no connected part
        pipelines = register_pipelines()
    for node in pipelines["__all__"].nodes:
        assert node.namespace in STAGES
        assert node.namespace in node.tags
        assert "." not in node.name
        assert all("." not in name.removeprefix("params:").split(".")[0] for name in node.inputs)
        assert not any(name.startswith(f"{node.namespace}.") for name in [*node.inputs, *node.outputs])
    assert max(Counter(node.name for node in pipelines["__all__"].nodes).values()) == 1


def test_copies_of_a_node_keep_its_kind() -> None:
    (node,) = register_pipelines()["ingest"].nodes
    for copy in (node._copy(outputs=["table", "other"]), node.tag("more")):
        assert isinstance(copy, StageNode)
        assert (copy.name, copy.namespace) == ("ingest_table", "ingest")


def test_kedro_viz_folds_every_stage(manager: DataAccessManager) -> None:
    tree = manager.create_modular_pipelines_tree_for_registered_pipeline("__all__")
    assert set(tree) == {"__root__", *STAGES}
    drawn = [node for node in manager.nodes.as_list() if node.type == GraphNodeType.TASK]
    for stage in STAGES:
        children = [manager.nodes.get_node_by_id(child.id) for child in tree[stage].children]
        inside = {node.name for node in children if node.type == GraphNodeType.TASK}
        assert inside
        assert inside == {node.name for node in drawn if stage in node.modular_pipelines}


def test_layers_come_in_the_order_of_data_engineering(manager: DataAccessManager) -> None:
    for pipeline, wanted in (("__default__", LAYERS), ("__all__", [*LAYERS, "retrained"])):
        # As Kedro-Viz does it; a stage as a whole comes after all that it takes.
        manager.create_modular_pipelines_tree_for_registered_pipeline(pipeline)
        found = manager.get_sorted_layers_for_registered_pipeline(pipeline)
        assert [layer for layer in found if layer in wanted] == wanted


def test_every_node_is_described(manager: DataAccessManager) -> None:
    for node in manager.nodes.as_list():
        if node.type == GraphNodeType.TASK:
            shown = TaskNodeMetadata(task_node=node)
            assert shown.preview is not None
            assert len(shown.preview["content"].split()) > 2, node.name
