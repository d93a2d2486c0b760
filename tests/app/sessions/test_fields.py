"""Session fields as columns."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sessions.fields import AUTO_TITLE, COLUMNS, MAX_PATH, MAX_TAGS, MAX_TITLE, column_value, title_from
from tests.helpers.bodies import json_values


@given(st.sampled_from(sorted(COLUMNS)), json_values)
def test_any_value_fits_the_columns(field: str, value: Any) -> None:
    for column, stored in column_value(field, value).items():
        assert column in COLUMNS | {"origin_session", "origin_event"}
        assert stored is None or isinstance(stored, str | bool)


@pytest.mark.parametrize(
    ("field", "value", "columns"),
    [
        ("title", "A", {"title": "A"}),
        ("title", 7, {"title": None}),
        ("title", "x" * 5000, {"title": "x" * MAX_TITLE}),
        ("cwd", "/" * 5000, {"cwd": "/" * MAX_PATH}),
        ("type", "mcp", {"type": "mcp"}),
        ("type", ["mcp"], {"type": "interactive"}),
        ("status", "gone", {"status": "active"}),
        ("archived", 1, {"archived": False}),
        ("trashed", True, {"trashed": True}),
        ("tags", ["b", "a", "b", 3, None], {"tags": '["a","b"]'}),
        ("tags", "ab", {"tags": "[]"}),
        ("origin", {"session": "S", "event": "E"}, {"origin_session": "S", "origin_event": "E"}),
        ("origin", {"session": "S"}, {"origin_session": None, "origin_event": None}),
        ("origin", "S", {"origin_session": None, "origin_event": None}),
        ("parent", {"session": "S"}, {"parent": '{"session":"S"}'}),
        ("parent", 5, {"parent": None}),
        ("color", "red", {}),
    ],
)
def test_columns(field: str, value: Any, columns: dict[str, Any]) -> None:
    assert column_value(field, value) == columns


def test_tags_are_bounded() -> None:
    tags = json.loads(column_value("tags", [f"{number:05}" for number in range(10_000)])["tags"])
    assert len(tags) == MAX_TAGS


@pytest.mark.parametrize(
    ("prompt", "title"),
    [
        ("Mend the parser", "Mend the parser"),
        ("\n\n  \n# Title  here\nmore", "# Title here"),
        ("---\n***\nreal", "real"),
        ("", None),
        (" \n\t", None),
    ],
)
def test_title_of_a_prompt(prompt: str, title: str | None) -> None:
    assert title_from(prompt) == title


@given(st.text())
def test_titles_are_short_and_on_one_line(prompt: str) -> None:
    title = title_from(prompt)
    assert title is None or (0 < len(title) <= AUTO_TITLE + 1 and len(title.splitlines()) == 1)
