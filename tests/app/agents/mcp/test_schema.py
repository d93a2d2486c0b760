"""Forms made from JSON schemas, hostile ones too."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.agents.mcp.schema import Choice, Field, fields_of, gather, parse, parse_arguments, unfit_values
from app.errors import UserError

SCHEMA = {
    "type": "object",
    "properties": {
        "note": {"type": "string", "description": "A\n note", "default": "hi"},
        "count": {"type": "integer", "title": "How many"},
        "share": {"anyOf": [{"type": "number"}, {"type": "null"}]},
        "exact": {"type": ["boolean", "null"]},
        "color": {"$ref": "#/$defs/Color"},
        "level": {"type": "integer", "enum": [1, 2], "enumNames": ["low", "high"]},
        "kind": {"oneOf": [{"const": "a", "title": "Alpha"}, {"const": "b", "title": "Beta"}]},
        "tags": {"type": "array", "items": {"enum": ["x", "y"]}},
        "rest": {"type": "array", "items": {"type": "string"}},
        "more": {"type": "object"},
        "any": {},
    },
    "required": ["count", "color"],
    "$defs": {"Color": {"enum": ["red", "green"]}},
}
MANY: dict[str, Any] = {str(number): {} for number in range(201)}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from("type properties required enum $ref items anyOf oneOf const title default #".split())
            | st.text(max_size=5),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)


def test_every_kind_of_field() -> None:
    fields = {field.name: field for field in fields_of(SCHEMA) or []}
    assert list(fields)[:2] == ["count", "color"]
    assert {name: field.kind for name, field in fields.items()} == {
        "note": "text",
        "count": "integer",
        "share": "number",
        "exact": "boolean",
        "color": "choice",
        "level": "choice",
        "kind": "choice",
        "tags": "choices",
        "rest": "json",
        "more": "json",
        "any": "json",
    }
    assert fields["count"].title == "How many"
    assert (fields["note"].description, fields["note"].default) == ("A note", "hi")
    assert fields["level"].choices == (Choice(1, "low"), Choice(2, "high"))
    assert fields["tags"].choices == (Choice("x", "x"), Choice("y", "y"))
    assert "list" in fields["rest"].hint and "object" in fields["more"].hint


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("note", " a ", " a "),
        ("count", " 12 ", 12),
        ("share", "1.5", 1.5),
        ("share", "2", 2),
        ("exact", "True", True),
        ("level", "high", 2),
        ("kind", "Beta", "b"),
        ("kind", "b", "b"),
        ("rest", '["a"]', ["a"]),
        ("more", '{"a": 1}', {"a": 1}),
        ("any", "null", None),
    ],
)
def test_typed_values(name: str, text: str, value: Any) -> None:
    field = next(field for field in fields_of(SCHEMA) or [] if field.name == name)
    assert parse(field, text) == value


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("count", "1.5", "How many: this is no whole number"),
        ("share", "nan", "share: this is no number"),
        ("exact", "maybe", "exact: write true or false"),
        ("color", "blue", "color: choose one of red, green"),
        ("rest", "{}", "rest: this JSON is not a list"),
        ("more", "{", "more: this is not JSON"),
    ],
)
def test_what_does_not_fit_is_told(name: str, text: str, sentence: str) -> None:
    field = next(field for field in fields_of(SCHEMA) or [] if field.name == name)
    with pytest.raises(UserError, match=sentence):
        parse(field, text)


def test_arguments_are_gathered() -> None:
    fields = fields_of(SCHEMA) or []
    typed = {"count": "3", "color": "red", "note": "", "tags": ["x"], "exact": None}
    assert gather(fields, typed) == {"count": 3, "color": "red", "tags": ["x"]}
    with pytest.raises(UserError, match="How many is missing"):
        gather(fields, {"color": "red"})


def test_an_empty_text_that_is_required_is_a_value() -> None:
    field = Field("a", "a", "text", True)
    assert gather([field], {"a": ""}) == {"a": ""}


def test_arguments_as_json() -> None:
    assert parse_arguments(" ") == {}
    assert parse_arguments('{"a": [1]}') == {"a": [1]}
    for text in ("[1]", "{", "1", "[" * 100_000):
        with pytest.raises(UserError):
            parse_arguments(text)


def test_values_for_a_server_are_checked() -> None:
    form = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "n": {"type": "integer"}},
        "required": ["name"],
    }
    assert unfit_values(form, {"name": "a"}) == ""
    assert "missing" in unfit_values(form, {"n": 1})
    assert "wrong kind" in unfit_values(form, {"name": 1})
    assert "nobody asked" in unfit_values(form, {"name": "a", "password": "x"})


def test_references_in_circles_end() -> None:
    schema = {
        "properties": {"a": {"$ref": "#/properties/a"}, "b": {"$ref": "http://x.test/"}, "c": {"$ref": "#/nowhere"}}
    }
    assert [field.kind for field in fields_of(schema) or []] == ["json", "json", "json"]


@pytest.mark.parametrize("schema", [None, 5, [], {"type": "array"}, {"properties": 5}, {"properties": MANY}])
def test_schemas_that_are_no_form(schema: Any) -> None:
    assert not fields_of(schema)


@given(JSON, st.text(max_size=10))
def test_whatever_a_schema_says_there_is_a_form_or_none(schema: Any, text: str) -> None:
    for one in (schema, {"properties": {"a": schema}}):
        for field in fields_of(one) or []:
            assert isinstance(field.hint, str)
            try:
                parse(field, text)
            except UserError:
                pass
