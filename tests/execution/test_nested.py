"""Dotted names of a nest of dictionaries."""

from contrastive_nas.execution.nested import flat


def test_values_have_dotted_names() -> None:
    nest = {"a": {"b": 1, "c": {}}, "d": [{"e": 2}, 3]}
    assert dict(flat(nest)) == {"a.b": 1, "a.c": {}, "d": [{"e": 2}, 3]}
    assert dict(flat(nest, "x", lists=True)) == {"x.a.b": 1, "x.a.c": {}, "x.d.0.e": 2, "x.d.1": 3}
    assert list(flat({})) == []
    assert list(flat(None)) == [("", None)]
