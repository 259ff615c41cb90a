"""Decides for every node whether it has to run, and says why."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from contrastive_nas.execution.code import source_checksum
from contrastive_nas.execution.datasets.aids import Aid
from contrastive_nas.execution.datasets.artifact import ArtifactDataset
from contrastive_nas.execution.datasets.raw_file import RawFile
from contrastive_nas.execution.fingerprint import Fingerprint, Unknowable, changes, fingerprint
from contrastive_nas.execution.hashing import checksums_for
from contrastive_nas.execution.parameters import PREFIX
from contrastive_nas.execution.versions import Version

MOST_REASONS = 3
REASONS_APART = "; "


@dataclass(frozen=True)
class Decision:
    """What happens to a node.

    Attributes:
        runs: whether it runs.
        reason: why, in words.
        fingerprint: of the node; None where it cannot be told, which makes a node run every time.
        versions: for a node that is skipped, the version of each of its outputs.
        on_demand: its results stay in memory, so it runs when a node that runs takes them.
    """

    node: Node
    runs: bool
    reason: str
    fingerprint: Fingerprint | None
    versions: Mapping[str, Version] = field(default_factory=dict)
    on_demand: bool = False


class Planner:
    """Judges nodes in the order of the pipeline.

    Args:
        catalog: what the pipeline reads and writes.
        pipeline: the part that is asked for; what it takes from outside counts as it lies there.
        project: the project's folder.
        forced: names of nodes that run in any case.
    """

    def __init__(
        self, catalog: CatalogProtocol, pipeline: Pipeline, project: Path, forced: Iterable[str] = ()
    ) -> None:
        self._catalog = catalog
        self._makers = {name: node for node in pipeline.nodes for name in node.outputs}
        self._project = project
        self._forced = frozenset(forced)
        self._decisions: dict[str, Decision] = {}

    def decide(self, node: Node) -> Decision:
        """Judge a node by what is known now; the nodes before it have been judged.

        Raises:
            InputError: an input from outside the pipeline is missing or damaged.
        """
        decision = self._judge(node)
        self._decisions[node.name] = decision
        return decision

    def _judge(self, node: Node) -> Decision:
        try:
            known = self._fingerprint(node)
        except Unknowable as error:
            return Decision(node, True, str(error), None)
        artifacts = self._artifacts(node.outputs)
        if node.name in self._forced:
            return Decision(node, True, "forced by --runner-params", known)
        if not artifacts:
            return Decision(
                node, not node.outputs, "it keeps no results", known, on_demand=bool(node.outputs)
            )
        found = {name: self._whole_version(dataset, known) for name, dataset in artifacts.items()}
        reason = self._reason(known, artifacts, found)
        if reason:
            return Decision(node, True, reason, known)
        versions = {name: version for name, version in found.items() if version is not None}
        shown = all(artifacts[name].versions.current() == version for name, version in versions.items())
        return Decision(node, False, "nothing changed" if shown else "cached result found", known, versions)

    def _reason(
        self,
        known: Fingerprint,
        artifacts: Mapping[str, ArtifactDataset],
        found: Mapping[str, Version | None],
    ) -> str:
        """Why a node has to run; empty where it has not."""
        for name, dataset in artifacts.items():
            link, current = dataset.versions.link, dataset.versions.current()
            version = found[name]
            if version is None and current is not None and current.fingerprint == known.checksum:
                return f"{name} is damaged: its checksum has changed ({link})"
            if version is None and current is not None:
                return _explained(current, known)
            if not link.is_symlink() and link.exists():
                return f"{name} was replaced by something else ({link})"
            if current is None:
                return f"{name} is missing"
            assert version is not None
            for taken, checksum in self._input_checksums(known).items():
                if version.origin.get("input_checksums", {}).get(taken) != checksum:
                    return f"input {taken} differs from the one that it was made from"
        return ""

    def doubt(self, decision: Decision) -> bool:
        """Return whether what a node depends on changed while it ran; nothing is then built on its
        fingerprint.
        """
        try:
            same = decision.fingerprint is None or self._fingerprint(decision.node) == decision.fingerprint
        except Unknowable:
            same = False
        if not same:
            self._decisions[decision.node.name] = replace(decision, fingerprint=None)
        return not same

    def origin(self, decision: Decision) -> dict[str, Any] | None:
        """Return what is kept beside the artifacts that a node is about to make."""
        known = decision.fingerprint
        if known is None:
            return None
        checksums = self._input_checksums(known)
        return {
            "fingerprint": known.checksum,
            "made_from": known.as_dict(),
            "input_checksums": checksums,
            "node": decision.node.name,
        }

    def earlier(self, decision: Decision, output: str) -> Version | None:
        """Return the newest whole version of an output that differs in nothing but the inputs it was made
        from.

        A node that is forced to run makes everything anew.
        """
        if decision.fingerprint is None or decision.node.name in self._forced:
            return None
        versions = self._artifacts([output])[output].versions
        wanted = _without_inputs(decision.fingerprint.as_dict())
        alike = (found for found in versions.newest() if _without_inputs(found.made_from) == wanted)
        return next((found for found in alike if found.is_whole(versions.checksums)), None)

    def _fingerprint(self, node: Node) -> Fingerprint:
        taken = [name for name in node.inputs if not isinstance(self._dataset(name), Aid)]
        parameters = {name: self._dataset(name).load() for name in taken if _is_parameter(name)}
        inputs = {name: self._input_fingerprint(name) for name in taken if not _is_parameter(name)}
        formats = [type(self._dataset(name)) for name in node.outputs]
        code = {f"format {kind.__qualname__}": source_checksum(kind.__module__) for kind in formats}
        return fingerprint(node, parameters, inputs, code, self._project)

    def _input_fingerprint(self, name: str) -> str:
        maker = self._makers.get(name)
        if maker is not None:
            decided = self._decisions[maker.name]
            if decided.fingerprint is None:
                raise Unknowable(f"input {name} comes from {maker.name}, which runs every time")
            return decided.fingerprint.checksum
        dataset = self._dataset(name)
        if isinstance(dataset, ArtifactDataset):
            version = dataset.version()
            return version.fingerprint or f"content {version.checksum}"
        if isinstance(dataset, RawFile):
            return f"content {checksums_for(self._project).of(dataset.load())}"
        raise Unknowable(f"input {name} is not stored, so that a change would not be seen")

    def _input_checksums(self, known: Fingerprint) -> dict[str, str | None]:
        """Content of the inputs that are artifacts, as far as they are there already."""
        found: dict[str, str | None] = {}
        for name in known.inputs:
            dataset = self._dataset(name)
            maker = self._makers.get(name)
            if not isinstance(dataset, ArtifactDataset):
                continue
            if maker is None:
                found[name] = dataset.version().checksum
            elif dataset.reads is not None:
                found[name] = dataset.reads.checksum
            elif name in self._decisions[maker.name].versions:
                found[name] = self._decisions[maker.name].versions[name].checksum
        return found

    def _whole_version(self, dataset: ArtifactDataset, known: Fingerprint) -> Version | None:
        versions, checksums = dataset.versions, dataset.versions.checksums
        return next((found for found in versions.find(known.checksum) if found.is_whole(checksums)), None)

    def _artifacts(self, names: Iterable[str]) -> dict[str, ArtifactDataset]:
        datasets = {name: self._dataset(name) for name in names}
        return {name: dataset for name, dataset in datasets.items() if isinstance(dataset, ArtifactDataset)}

    def _dataset(self, name: str) -> AbstractDataset:
        dataset = self._catalog.get(name, fallback_to_runtime_pattern=True)
        assert dataset is not None
        return dataset


def _without_inputs(made_from: Mapping[str, Any]) -> dict[str, Any]:
    return {part: value for part, value in made_from.items() if part != "inputs"}


def _explained(version: Version, known: Fingerprint) -> str:
    if not version.made_from:
        return "the inputs of its result are not known"
    found = changes(version.made_from, known.as_dict())
    more = f" and {len(found) - MOST_REASONS} more" if len(found) > MOST_REASONS else ""
    return REASONS_APART.join(found[:MOST_REASONS]) + more


def _is_parameter(name: str) -> bool:
    return name.startswith(PREFIX) or name == "parameters"
