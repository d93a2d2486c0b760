"""Bodies: every kind comes back as it went in, and nothing that arrives raises."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sessions.bodies import (
    MAX_TIME,
    BlobStub,
    OpenedBody,
    Restored,
    decode_common,
    encode_draft,
    encode_restored,
    encode_stub,
    missing_fields,
    open_body,
)
from app.sessions.events import KNOWN_KINDS, AgentMessage, Draft, ToolCall, Unknown, UserMessage
from tests.helpers.bodies import drafts, example_of, json_values

WRITER = Restored("ab" * 32, "cd" * 32, "Bo")


def no_blobs(_stub: BlobStub) -> bytes | None:
    return None


def opened(data: bytes) -> OpenedBody:
    found = open_body(data, no_blobs)
    assert found is not None
    return found


@given(drafts)
def test_round_trip(draft: Draft) -> None:
    found = opened(encode_draft(draft))
    common = found.common
    assert found.body == draft.body
    assert (common.time, common.turn, common.agent, common.source) == (
        draft.time,
        draft.turn,
        draft.agent,
        draft.source,
    )
    assert found.data == encode_draft(draft)
    assert (found.restored, found.missing, found.size) == (None, False, len(found.data))


@pytest.mark.parametrize("kind", KNOWN_KINDS)
def test_every_kind_has_a_smallest_example(kind: Any) -> None:
    body = example_of(kind)
    assert opened(encode_draft(Draft(body=body, time=0))).body == body


@given(drafts)
def test_encoding_does_not_depend_on_the_order_of_keys(draft: Draft) -> None:
    data = encode_draft(draft)
    if isinstance(draft.body, Unknown):
        turned = Unknown(draft.body.kind, json.loads(json.dumps(draft.body.fields, sort_keys=True)))
    else:
        turned = msgspec.convert(
            json.loads(json.dumps(msgspec.to_builtins(draft.body), sort_keys=True)), type(draft.body)
        )
    assert encode_draft(msgspec.structs.replace(draft, body=turned)) == data


@given(drafts)
def test_restored_events_keep_their_author_and_data(draft: Draft) -> None:
    data = encode_draft(draft)
    found = opened(encode_restored(data, WRITER))
    assert (found.restored, found.data, found.body) == (WRITER, data, draft.body)


@given(drafts)
def test_stubs(draft: Draft) -> None:
    data = encode_draft(draft)
    common = decode_common(data)
    assert common is not None
    stub = encode_stub(common, BlobStub("ab" * 32, len(data)))
    assert open_body(stub, lambda wanted: data if wanted.id == "ab" * 32 else None) == opened(data)
    missing = opened(stub)
    assert missing.missing
    assert missing.body == Unknown(common.kind, missing_fields(missing.size))
    assert (missing.data, missing.size, missing.common.turn) == (stub, len(data), draft.turn)


def test_restored_stub_of_a_missing_blob() -> None:
    data = encode_draft(Draft(body=UserMessage(text="x"), time=1))
    common = decode_common(data)
    assert common is not None
    wrapped = encode_restored(encode_stub(common, BlobStub("ab" * 32, 99)), WRITER)
    found = opened(wrapped)
    assert (found.missing, found.restored, found.size) == (True, WRITER, 99)
    whole = open_body(wrapped, lambda _: data)
    assert whole is not None
    assert (whole.missing, whole.restored, whole.data) == (False, WRITER, data)


def test_unknown_kinds_and_newer_versions_are_kept() -> None:
    data = b'{"v":1,"time":5,"kind":"hologram","depth":3,"nested":{"a":[1]}}'
    assert opened(data).body == Unknown("hologram", {"depth": 3, "nested": {"a": [1]}})
    newer = b'{"v":2,"time":5,"kind":"user_message","text":"t","mood":"good"}'
    assert opened(newer).body == Unknown("user_message", {"text": "t", "mood": "good"})


def test_fields_that_do_not_fit_are_kept() -> None:
    assert opened(b'{"time":5,"kind":"user_message","text":7}').body == Unknown("user_message", {"text": 7})


DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'{"kind":"user_message"}',
        b'{"time":1}',
        b'{"time":"1","kind":"x"}',
        b'{"time":NaN,"kind":"x"}',
        b'{"time":1.5,"kind":"x"}',
        b'{"time":%d,"kind":"x"}' % (MAX_TIME + 1),
        b'{"time":-%d,"kind":"x"}' % (MAX_TIME + 1),
        b'{"time":1' + b"0" * 5000 + b',"kind":"x"}',
        b'{"time":1,"kind":"\\ud800"}',
        b'{"time":1,"kind":"x","deep":' + DEEP + b"}",
        b'{"time":1,"kind":"x","text":"\xff"}',
        b'{"time":1,"kind":"x","blob":7}',
    ],
)
def test_what_is_no_body(data: bytes) -> None:
    assert open_body(data, no_blobs) is None


@pytest.mark.parametrize("value", [b"1e999", b"9" * 5000, b"-1e999"])
@pytest.mark.parametrize("kind", [b"user_message", b"tool_call", b"hologram"])
def test_numbers_beyond_all_bounds(kind: bytes, value: bytes) -> None:
    found = opened(b'{"time":1,"kind":"%s","text":"x","call_id":"c","name":"n","input":%s}' % (kind, value))
    assert found.body.kind == kind.decode()


def test_duplicate_keys_have_one_meaning() -> None:
    found = opened(b'{"time":1,"kind":"user_message","text":"a","text":"b"}')
    assert found.body == UserMessage(text="b")


def test_a_blob_that_holds_no_body() -> None:
    stub = b'{"time":1,"kind":"user_message","blob":{"id":"00","size":-5}}'
    for content in (b"", b"\xff\xfe", DEEP, b"{}", stub):
        found = open_body(stub, lambda _, content=content: content)  # type: ignore[misc]
        assert found is not None
        assert found.missing
        assert found.size == 0


def test_a_wrapper_around_anything_else() -> None:
    for inside in ("", "null", '{"kind":1}'):
        data = msgspec.json.encode({"time": 1, "kind": "x", "restored": WRITER, "body": inside})
        assert opened(data).restored is None


@given(st.binary(max_size=60) | json_values.map(msgspec.json.encode), st.booleans())
def test_anything_can_be_opened(data: bytes, with_blobs: bool) -> None:
    found = open_body(data, lambda _: data if with_blobs else None)
    assert found is None or (found.size >= 0 and isinstance(found.common.time, int))


@given(st.dictionaries(st.sampled_from(["v", "time", "kind", "blob", "restored", "body", "text", "turn"]), json_values))
def test_wrong_types_everywhere(fields: dict[str, Any]) -> None:
    data = msgspec.json.encode({"time": 1, "kind": "user_message"} | fields)
    found = open_body(data, lambda _: data)
    assert found is None or (abs(found.common.time) <= MAX_TIME and isinstance(found.common.kind, str))


def test_half_characters_are_replaced() -> None:
    """Names of files that are not UTF-8 reach programs with lone surrogates."""
    body = ToolCall(call_id="c", name="read", input={"path\udcff": ["caf\udce9"]})
    found = opened(encode_draft(Draft(body=body, time=1, turn="\ud800", source="a\udcff")))
    assert found.body == ToolCall(call_id="c", name="read", input={"path�": ["caf�"]})
    assert (found.common.turn, found.common.source) == ("�", "a�")


@pytest.mark.parametrize(("given_time", "kept"), [(10**15, MAX_TIME), (-(10**15), -MAX_TIME)])
def test_times_stay_within_bounds(given_time: int, kept: int) -> None:
    """An event is never lost because of a clock."""
    assert opened(encode_draft(Draft(body=AgentMessage(text="x"), time=given_time))).common.time == kept
