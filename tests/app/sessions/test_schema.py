"""The published JSON schema: equal to the vocabulary, and true of every event that is printed."""

from __future__ import annotations

import io
import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.sessions.archive import write_archive
from app.sessions.events import KINDS, Draft, ToolCall, UserMessage
from app.sessions.schema import SCHEMA_PATH, events_schema
from app.workspace import Workspace
from tests.helpers.bodies import drafts
from tests.helpers.talks import foreign

SCHEMA = json.loads(json.dumps(events_schema()))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def printed(home: Workspace, session: str) -> list[dict[str, Any]]:
    """Events as `sessions show` and as exports print them."""
    shown = [json.loads(json.dumps(event.to_json())) for event in home.read(lambda queries: queries.events(session))]
    out = io.StringIO()
    home.read(lambda queries: write_archive(queries, [queries.session(session)], out))
    return shown + json.loads(out.getvalue())["sessions"][0]["events"]


def test_the_published_file_is_the_generated_one() -> None:
    assert json.loads(SCHEMA_PATH.read_text(encoding="utf-8")) == SCHEMA, "run python -m app.sessions.schema"
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@settings(max_examples=50)
@given(st.lists(drafts, min_size=1, max_size=5))
def test_what_is_printed_is_valid(shared: Workspace, wanted: list[Draft]) -> None:
    session = shared.write(lambda operations: operations.create())
    shared.write(lambda operations: operations.append(session, wanted))
    for event in printed(shared, session):
        VALIDATOR.validate(event)


def test_damaged_missing_and_ill_formed_events_are_valid_too(home: Workspace) -> None:
    session = home.write(lambda operations: operations.create(title="T"))
    drafts = [
        Draft(body=UserMessage(text="x" * 9000), time=0),
        Draft(body=ToolCall(call_id="c", name="n", input=2**80), time=0),
    ]
    home.write(lambda operations: operations.append(session, drafts))
    ill_formed = b'{"v":1,"time":1,"kind":"user_message","text":7}'
    event = foreign(20, UserMessage(text="x"))
    home.write(lambda operations: operations.restore_events(session, [type(event)(event.id, ill_formed, event.author)]))
    home.write(lambda operations: operations._engine.connection.execute("DELETE FROM blob"))
    events = printed(home, session)
    assert sum(event.get("partial", False) for event in events) == 5
    assert sum(event.get("damaged", False) for event in events) == 2
    for event in events:
        VALIDATOR.validate(event)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_known_kind_without_its_fields_is_not_valid(kind: str) -> None:
    author = {"identity": "", "device": "", "name": "", "agent": None}
    event = {"id": "0" * 26, "session": "0" * 26, "turn": None, "time": "2026-01-01T00:00:00.000Z", "author": author}
    required = [field for field in SCHEMA["$defs"][KINDS[kind].__name__]["required"] if field not in event]
    assert VALIDATOR.is_valid(event | {"kind": kind}) == (required == ["kind"])
    assert VALIDATOR.is_valid(event | {"kind": kind, "partial": True})
    assert not VALIDATOR.is_valid({"kind": kind, "partial": True})


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_no_field_has_the_name_of_one_that_all_events_have(kind: str) -> None:
    envelope = {"id", "session", "turn", "kind", "time", "author", "agent", "source", "damaged", "partial", "raw"}
    stored = {"v", "blob", "restored", "body"}
    assert not set(KINDS[kind].__struct_fields__) & (envelope | stored)
