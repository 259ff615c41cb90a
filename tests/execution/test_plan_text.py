"""The plan in words has every node once."""

from kedro.pipeline import Node

from contrastive_nas.execution.plan import Decision
from contrastive_nas.execution.plan_text import describe_plan


def decision(name: str, *, runs: bool, reason: str = "", on_demand: bool = False) -> Decision:
    node = Node(func=lambda: None, inputs=None, outputs=name, name=name)
    return Decision(node, runs, reason, None, on_demand=on_demand)


DECISIONS = [
    decision("read", runs=False, reason="nothing changed"),
    decision("search", runs=True, reason="parameter queries changed from 6 to 8; module a changed"),
    decision("view", runs=False, on_demand=True),
    decision("draw", runs=True, reason="input history changed"),
]


def test_what_runs_why_and_how_long() -> None:
    text = describe_plan(DECISIONS, {"search": 100.0, "draw": 3.2, "read": 50.0}, ["convert"])
    assert text.splitlines() == [
        "plan: 2 of 4 nodes run, about 1 min 43 s as in earlier runs",
        "  search  1 min 40 s  parameter queries changed from 6 to 8, and more",
        "  draw         3.2 s  input history changed",
        "  kept from earlier runs: read",
        "  run on demand: view",
        "  not needed with these parameters: convert",
    ]


def test_without_earlier_runs_no_time_is_claimed() -> None:
    assert describe_plan(DECISIONS, {}, []).splitlines()[0] == "plan: 2 of 4 nodes run"
    some = describe_plan(DECISIONS, {"draw": 3.0}, [])
    assert some.splitlines()[0] == "plan: 2 of 4 nodes run, at least about 3.0 s as in earlier runs"


def test_a_plan_of_nothing_is_short() -> None:
    kept = [decision(f"node_number_{number}", runs=False) for number in range(20)]
    lines = describe_plan(kept, {}, []).splitlines()
    assert lines[0] == "plan: 0 of 20 nodes run, as nothing has changed"
    assert max(map(len, lines)) <= 110
    assert " ".join(lines).count("node_number_") == 20
