from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sessions.diff import unified_diff
from app.sessions.events import (
    AgentMessage,
    AnyBody,
    BlobRef,
    CommandResult,
    FileChange,
    Notice,
    Plan,
    PlanEntry,
    ToolCall,
    Unknown,
    UserMessage,
)
from app.sessions.redaction.replacing import placeholder, redacted, redacted_body, revealed_body, unnumbered
from tests.helpers.secrets_to_plant import NAMED, TOKENS, private_key

TOKEN = TOKENS["GitHub token"]


class Numbers:
    """Gives numbers to values, as a session does."""

    def __init__(self) -> None:
        self.values: list[str] = []

    def __call__(self, value: str, kind: str) -> str:
        assert kind
        if value not in self.values:
            self.values.append(value)
        return placeholder(self.values.index(value) + 1)

    def value(self, number: int) -> str | None:
        return self.values[number - 1] if 0 < number <= len(self.values) else None


def test_a_secret_has_one_number_wherever_it_stands() -> None:
    numbers = Numbers()
    text = f"{TOKEN} and {TOKENS['npm token']} and again {TOKEN}"
    assert redacted(text, numbers) == "‹secret 1› and ‹secret 2› and again ‹secret 1›"


@pytest.mark.parametrize(
    "body",
    [
        UserMessage(text=f"use {TOKEN}"),
        CommandResult(call_id="1", stdout=f"x\n{TOKEN}\n", stderr=f"{TOKEN}!"),
        ToolCall(call_id="1", name="run", title=f"run {TOKEN}", input={"a": [{"b": f"x {TOKEN}"}], "n": 1}),
        Plan(entries=(PlanEntry(text=f"use {TOKEN}"), PlanEntry(text="x"))),
        Notice(text="told", data={"text": TOKEN}),
        Unknown("foreign", {"deep": {"deeper": [TOKEN, 1, None]}}),
        FileChange(path="a", diff=f"--- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\n+{TOKEN}\n"),
    ],
    ids=lambda body: body.kind,
)
def test_every_field_that_says_something_is_searched(body: AnyBody) -> None:
    numbers = Numbers()
    hidden = redacted_body(body, numbers)
    assert TOKEN not in repr(hidden) and "‹secret 1›" in repr(hidden)
    assert revealed_body(hidden, numbers.value) == body
    assert redacted_body(hidden, numbers) is hidden


@pytest.mark.parametrize(
    "given",
    [
        {"password": "hunter2x"},
        {"auth": {"apiKey": TOKENS["older OpenAI key"][3:]}},
        {"client_secret": TOKENS["npm token"][4:]},
    ],
)
def test_a_value_is_judged_by_its_name(given: dict[str, Any]) -> None:
    assert "‹secret 1›" in repr(redacted_body(ToolCall(call_id="1", name="log_in", input=given), Numbers()))


def test_names_of_things_stay() -> None:
    call = ToolCall(call_id=TOKEN, name="read", input={"token_count": "12345678901234567", "path": "a/b1"})
    blob = BlobRef(blob="ab" * 32, size=1, key="aB3" * 14, name="a")
    for body in (call, UserMessage(text="x", attachments=(blob,)), FileChange(path=f"a/{TOKEN}", before=blob)):
        assert redacted_body(body, Numbers()) is body


def test_a_key_in_a_diff_leaves_its_lines_as_many_as_they_were() -> None:
    diff = unified_diff("key", "a\nb\n", f"a\n{private_key()}\nb\n").text
    numbers = Numbers()
    body = redacted_body(FileChange(path="key", diff=diff), numbers)
    assert isinstance(body, FileChange)
    assert body.diff.count("\n") == diff.count("\n")
    assert all(line[:1] in " +-@" for line in body.diff.splitlines())
    assert numbers.values == ["\n".join(private_key().split("\n")[1:-1])]


def test_live_texts_and_titles_have_no_numbers() -> None:
    assert unnumbered(f"{TOKEN} ‹secret 3›") == "‹secret› ‹secret›"


_said = st.text(max_size=80) | st.sampled_from([*TOKENS.values(), *(text for text, _ in NAMED.values()), private_key()])


@given(st.lists(_said, max_size=6).map("  ".join))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    numbers = Numbers()
    once = redacted(text, numbers)
    assert redacted(once, numbers) is once


@given(
    st.recursive(
        st.text(alphabet="ab \n:='\"-_/.‹›"), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_without_secrets_nothing_is_touched(value: Any) -> None:
    body = ToolCall(call_id="1", name="x", input=value)
    assert redacted_body(body, Numbers()) is body
    assert msgspec.json.encode(body)


def test_a_message_with_attachments_keeps_them() -> None:
    ref = BlobRef(blob="00", size=1)
    body = redacted_body(AgentMessage(text=TOKEN, attachments=(ref,)), Numbers())
    assert isinstance(body, AgentMessage) and body.attachments == (ref,)
