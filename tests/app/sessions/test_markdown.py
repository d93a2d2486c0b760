"""Markdown: one file with every kind as it should be, code blocks that cannot be broken out of, escaped titles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from app.sessions import events as kinds
from app.sessions.events import KNOWN_KINDS, AnyBody, Unknown
from app.sessions.markdown import event_markdown, session_markdown
from app.sessions.views import Author, Event, SessionRow
from tests.helpers.bodies import bodies

GOLDEN = Path(__file__).with_name("every_kind.md")
REF = kinds.BlobRef(blob="ab" * 32, size=9, name="shot_1.png")
EVERY_KIND: list[AnyBody] = [
    kinds.SessionSet(fields={"title": "x"}),
    kinds.UserMessage(text="Please *mend* it.\n\n```python\nunclosed", attachments=(REF,)),
    kinds.AgentThought(text="Let me see.\n\nYes."),
    kinds.Plan(entries=(kinds.PlanEntry(text="Look", status="completed"), kinds.PlanEntry(text="Mend [it]"))),
    kinds.Checkpoint(),
    kinds.ToolCall(call_id="c", name="read_file", title="a_b.py", input={"path": "a_b.py"}),
    kinds.ToolCall(call_id="c", name="noop"),
    kinds.FileRead(path="a_b.py"),
    kinds.ToolResult(call_id="c", status="completed", output="```\ninside\n````\n"),
    kinds.ToolResult(call_id="c", status="failed"),
    kinds.PermissionRequest(request_id="r", call_id="c", name="edit", title="Edit"),
    kinds.PermissionAnswer(request_id="r", answer="reject"),
    kinds.PermissionAnswer(request_id="r", answer="once"),
    kinds.FileChange(path="a_b.py", diff="--- a\n+++ b\n-1\n+2\n", added=1, removed=1),
    kinds.FileChange(path="gone.bin", binary=True),
    kinds.Command(call_id="d", command="make test"),
    kinds.CommandResult(call_id="d", exit_code=2, stdout="out\n", stderr="err\n"),
    kinds.CommandResult(call_id="d", signal="SIGKILL"),
    kinds.CommandResult(call_id="d", exit_code=0),
    kinds.Verification(what="tests", passed=True, evidence="3 passed"),
    kinds.Verification(what="lint", passed=False),
    kinds.Notice(text="Something <odd> happened"),
    kinds.Status(status="failed"),
    kinds.Usage(input=1),
    kinds.Reference(target="0" * 26),
    kinds.Suggestion(text="Try again?"),
    kinds.Takeover(runner="ab", term=2),
    kinds.Compaction(text="We mended it."),
    kinds.MemoryGiven(facts=(kinds.GivenFact(id="F", text="We use *tabs*.", source="Ada"),)),
    kinds.Erasure(event="01H"),
    kinds.Erased(),
    kinds.AgentMessage(text="Done."),
    kinds.Conclusion(text="Mended.", outcome="completed"),
    Unknown("hologram", {"depth": 3}),
]


def _event(number: int, body: AnyBody, damaged: bool = False) -> Event:
    person = isinstance(body, kinds.UserMessage | kinds.PermissionAnswer | kinds.Suggestion)
    author = Author("aa", "bb", "Ada", None if person else "hal")
    return Event(f"{number:026}", "S", None, number * 60_000, author, body, number, damaged=damaged)


def _row(**more: Any) -> SessionRow:
    values: dict[str, Any] = {
        "title": "Mend #1", "type": "interactive", "status": "active", "workspace": "w", "workspace_name": "Personal",
        "created": 0, "updated": 3_600_000, "events": 3, "archived": False, "trashed": False, "tags": ("a_b",),
        "agent": None, "authors": ("Ada",), "bytes": 9,
    }  # fmt: skip
    return SessionRow("S", **(values | more))


def markdown(*events: Event, note: str = "", **row: Any) -> str:
    return "".join(session_markdown(_row(**row), events, note))


def test_every_kind() -> None:
    assert {body.kind for body in EVERY_KIND} == {kind.__struct_config__.tag for kind in KNOWN_KINDS} | {"hologram"}
    events = [_event(number, body, damaged=body.kind == "notice") for number, body in enumerate(EVERY_KIND)]
    assert markdown(*events, note="My ~~~ note\n~~~\ncode") == GOLDEN.read_text(encoding="utf-8")


def blocks(text: str) -> list[tuple[str, str]]:
    """(type, content) of what a reader of CommonMark sees at the top level."""
    return [
        (token.type, token.content) for token in MarkdownIt().parse(text) if token.type in ("fence", "heading_open")
    ]


@given(st.lists(st.sampled_from(["`", "```", "~~~", "\n", "\r", " ", "x", "````", "# y", "\t"])).map("".join))
def test_output_cannot_leave_its_block(output: str) -> None:
    text = event_markdown(kinds.ToolResult(call_id="c", status="completed", output=output)) + "\n\n## Next"
    found = blocks(text)
    assert [kind for kind, _ in found] == (["fence"] if output else []) + ["heading_open"]


@given(st.lists(st.sampled_from(["`", "```", "~~~", "\n", "\r", "\f", " ", "x", "````", "```py", "~~~~"])).map("".join))
def test_a_message_cannot_swallow_the_next(message: str) -> None:
    text = event_markdown(kinds.AgentMessage(text=message)) + "\n\n# Next\n"
    assert blocks(text)[-1][0] == "heading_open"


@pytest.mark.parametrize("title", ["# a", "*b*", "[x](javascript:1)", "<script>", "a\n\n# b", "`c`", "&lt;", "|", "\\"])
def test_titles_are_shown_as_they_are(title: str) -> None:
    html = MarkdownIt("commonmark", {"html": True}).render(markdown(title=title))
    escaped = " ".join(title.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert html.startswith(f"<h1>{escaped}</h1>")


@given(bodies)
def test_any_body(body: AnyBody) -> None:
    text = event_markdown(body) + "\n\n# Next\n"
    assert blocks(text)[-1][0] == "heading_open" and text.rstrip().endswith("# Next")
