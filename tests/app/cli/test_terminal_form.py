"""Forms at a terminal: field by field, again where something does not fit, and no at the end of input."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from app.cli.terminal import ask_permission
from app.sessions.events import PermissionAnswer, PermissionRequest

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "title": "Your\x1b[2J name"},
        "age": {"type": "integer", "default": 30},
        "color": {"type": "string", "enum": ["red", "blue"]},
    },
    "required": ["name"],
}


def asked(monkeypatch: pytest.MonkeyPatch, *lines: str | None) -> tuple[PermissionAnswer, list[str]]:
    """The answer to a form, and what stood on the terminal. lines: what the person types."""
    typed: Iterator[str | None] = iter(lines)
    shown: list[str] = []

    async def read_line(question: str) -> str | None:
        shown.append(question)
        return next(typed)

    monkeypatch.setattr("app.cli.terminal_form.read_line", read_line)
    given: dict[str, Any] = {"message": "Who?", "schema": SCHEMA}
    request = PermissionRequest(request_id="r", call_id="c", name="elicitation", title="demo asks", input=given)
    answer = asyncio.run(ask_permission(request)).answer
    assert next(typed, "all was read") == "all was read"
    return answer, shown


def test_it_is_filled_in_field_by_field(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    answer, shown = asked(monkeypatch, "y", "", "Ann", "old", "", "blue")
    assert (answer.answer, answer.values) == ("once", {"name": "Ann", "age": 30, "color": "blue"})
    assert shown[0] == "demo asks\nAnswer? [y/N] "
    assert "age" in capsys.readouterr().err
    assert not any("\x1b" in line for line in shown)


@pytest.mark.parametrize("lines", [("n",), (None,), ("",), ("y", None), ("y", "Ann", None)])
def test_a_no_and_the_end_of_input_decline(monkeypatch: pytest.MonkeyPatch, lines: Any) -> None:
    answer, _ = asked(monkeypatch, *lines)
    assert (answer.answer, answer.values) == ("reject", None)
