"""What reading gives, as JSON."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sessions.bodies import MAX_TIME
from app.sessions.events import AgentMessage, Unknown, UserMessage
from app.sessions.views import Author, Event, iso_time

AUTHOR = Author("aa", "bb", "Ada", None)


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_767_348_000_123, "2026-01-02T10:00:00.123Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (-MAX_TIME, "1691-04-06T08:49:37.793Z"),
        (MAX_TIME, "2248-09-26T15:10:22.207Z"),
    ],
)
def test_times(time_ms: int, text: str) -> None:
    assert iso_time(time_ms) == text


@given(st.integers(-MAX_TIME, MAX_TIME))
def test_times_have_one_form(time_ms: int) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", iso_time(time_ms))


def test_an_event_as_json() -> None:
    event = Event("E", "S", None, 0, AUTHOR, UserMessage(text="hi"), 1)
    assert event.to_json() == {
        "id": "E",
        "session": "S",
        "turn": None,
        "kind": "user_message",
        "time": "1970-01-01T00:00:00.000Z",
        "author": {"identity": "aa", "device": "bb", "name": "Ada", "agent": None},
        "text": "hi",
        "attachments": [],
        "model": None,
        "runner": None,
    }


def test_fields_never_hide_the_envelope() -> None:
    body = Unknown("hologram", {"id": "forged", "author": "forged", "session": "forged", "depth": 1})
    shown = Event("E", "S", "t", 0, AUTHOR, body, 1, damaged=True).to_json()
    assert (shown["id"], shown["session"], shown["author"]["name"], shown["depth"]) == ("E", "S", "Ada", 1)
    assert shown["damaged"] is True
    assert "partial" not in shown


def test_a_known_kind_without_its_fields_says_so() -> None:
    assert Event("E", "S", None, 0, AUTHOR, Unknown("user_message", {"text": 7}), 1).to_json()["partial"] is True
    assert "partial" not in Event("E", "S", None, 0, AUTHOR, AgentMessage(text=""), 1).to_json()
