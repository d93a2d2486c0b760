"""From an entry to the blocks that show it, and to the text that copying gives. Pure; no Qt.

Cards of tools are in `cards.py`. A kind this version does not know becomes a plain card with all its fields.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from app.sessions import events as kinds
from app.sessions.markdown import event_range
from app.ui.ages import moment
from app.ui.conversation.blocks import Ask, Banner, Block, Card, Code, Heading, Mark, Prose, Steps
from app.ui.conversation.cards import as_json, first_line, permission_body, revealed, tool_card
from app.ui.conversation.entries import Entry, answer_to, grouped, is_absorbed, speaker

if TYPE_CHECKING:
    from app.sessions.views import Event

LONG_TEXT = 24_000
"""Characters of a message that are shown before the reader asks for the rest; Markdown costs 2.5 ms for 1,000."""

OUTCOMES = {
    "completed": Mark.DONE,
    "failed": Mark.FAILED,
    "waiting": Mark.WAITING,
    "cancelled": Mark.DENIED,
}
_ANSWERS = {"once": "allowed once", "always": "allowed in this session", "reject": "rejected"}


def blocks_of(entry: Entry, *, now: int, opened: bool) -> tuple[Block, ...]:
    """What a row shows; empty when another row shows it. now: milliseconds, for times. opened: cards are open."""
    if is_absorbed(entry):
        return ()
    show = _SHOW.get(type(entry.event.body), _unknown)
    blocks = show(entry, opened)
    if not blocks or not _needs_heading(entry):
        return blocks
    return (Heading(name_of(entry), moment(entry.event.time, now)), *blocks)


def name_of(entry: Entry) -> str:
    """The speaker's name as people read it."""
    author = entry.event.author
    if isinstance(entry.event.body, kinds.UserMessage):
        return author.name or "Somebody"
    return author.agent or "Agent"


def plain_text(entry: Entry) -> str:
    """What copying a whole row gives: Markdown for messages, one line for a card, nothing for what is not shown."""
    lines = [_block_text(block) for block in blocks_of(entry, now=entry.event.time, opened=False)]
    return "\n".join(line for line in lines if line)


def copied_texts(events: Sequence[Event]) -> list[str]:
    """What copying consecutive whole rows gives, row by row."""
    return [plain_text(entry) for entry in grouped(events)]


def _block_text(block: Block) -> str:
    if isinstance(block, Prose | Banner | Code):
        return block.text
    if isinstance(block, Card):
        words = " ".join(text for text, _tone in block.trailing)
        return " ".join(word for word in (block.mark.value, block.name, block.summary, words) if word)
    if isinstance(block, Steps):
        return "\n".join(f"- [{'x' if status == 'completed' else ' '}] {text}" for status, text in block.entries)
    if isinstance(block, Ask):
        return block.title
    return ""


def _needs_heading(entry: Entry) -> bool:
    body = entry.event.body
    if isinstance(body, kinds.UserMessage):
        return True
    if isinstance(body, kinds.Notice | kinds.Reference | kinds.Compaction | kinds.Suggestion):
        return False
    if entry.previous is None:
        return isinstance(body, kinds.AgentMessage)
    return speaker(entry.event) != entry.previous


def _message(entry: Entry, opened: bool) -> tuple[Block, ...]:
    body = entry.event.body
    assert isinstance(body, kinds.UserMessage | kinds.AgentMessage)
    blocks = list(_prose(body.text, opened))
    if body.attachments:
        names = ", ".join(blob.name or f"{blob.size:,} bytes" for blob in body.attachments)
        blocks.append(Card(Mark.NONE, "Attached", names))
    if isinstance(body, kinds.AgentMessage) and body.interrupted:
        blocks.append(Banner("The answer was interrupted.", "warning"))
    return tuple(blocks)


def _prose(text: str, opened: bool) -> tuple[Block, ...]:
    if len(text) <= LONG_TEXT:
        return (Prose(text),) if text.strip() else ()
    if opened:
        return (Prose(text), Card(Mark.NONE, "Show less", foldable=True, opened=True))
    cut = text.rfind("\n", 0, LONG_TEXT)
    cut = cut if cut > 0 else LONG_TEXT
    return (Prose(text[:cut]), Card(Mark.NONE, "Show the rest", f"{len(text) - cut:,} characters", foldable=True))


def _thought(entry: Entry, opened: bool) -> tuple[Block, ...]:
    body = entry.event.body
    assert isinstance(body, kinds.AgentThought)
    if not body.text.strip():
        return ()
    shown = (Prose(body.text, muted=True),) if opened else ()
    return (Card(Mark.NONE, "Thought", first_line(body.text), body=shown, foldable=True, opened=opened),)


def _plan(entry: Entry, _opened: bool) -> tuple[Block, ...]:
    body = entry.event.body
    assert isinstance(body, kinds.Plan)
    done = sum(step.status == "completed" for step in body.entries)
    mark = Mark.DONE if done == len(body.entries) else Mark.RUNNING
    steps = Steps(tuple((step.status, step.text) for step in body.entries))
    return (Card(mark, "Plan", f"{done} of {len(body.entries)} done", body=(steps,), opened=True),)


def _request(entry: Entry, opened: bool) -> tuple[Block, ...]:
    body = entry.event.body
    assert isinstance(body, kinds.PermissionRequest)
    title = revealed(body.title or body.name)
    answer = answer_to(body.request_id, entry.group)
    if answer is None and entry.live:
        return (Ask(body.request_id, title, permission_body(body)),)
    if answer is None:
        return (Card(Mark.NONE, "Permission", title),)
    mark = Mark.DENIED if answer.answer == "reject" else Mark.DONE
    reason = f" · {answer.reason}" if answer.reason else ""
    shown = permission_body(body) if opened else ()
    summary = f"{title} · {_ANSWERS[answer.answer]}{reason}"
    return (Card(mark, "Permission", summary, body=shown, foldable=True, opened=opened),)


def _answer(entry: Entry, _opened: bool) -> tuple[Block, ...]:
    body = entry.event.body
    assert isinstance(body, kinds.PermissionAnswer)
    mark = Mark.DENIED if body.answer == "reject" else Mark.DONE
    return (Card(mark, "Permission", _ANSWERS[body.answer]),)


def _verification(entry: Entry, opened: bool) -> tuple[Block, ...]:
    body = entry.event.body
    assert isinstance(body, kinds.Verification)
    mark = Mark.DONE if body.passed else Mark.FAILED
    shown = (Code(body.evidence),) if opened and body.evidence else ()
    return (Card(mark, "Checked", body.what, body=shown, foldable=bool(body.evidence), opened=opened),)


def _conclusion(entry: Entry, _opened: bool) -> tuple[Block, ...]:
    body = entry.event.body
    assert isinstance(body, kinds.Conclusion)
    shown = (Prose(body.text),) if body.text.strip() else ()
    return (Card(OUTCOMES[body.outcome], "Conclusion", body.outcome, body=shown, opened=True),)


def _notice(entry: Entry, opened: bool) -> tuple[Block, ...]:
    body = entry.event.body
    assert isinstance(body, kinds.Notice)
    if body.data is None:
        return (Banner(body.text, body.level),)
    mark = Mark.FAILED if body.level == "error" else Mark.NONE
    shown = (Code(as_json(body.data), "json"),) if opened else ()
    return (Card(mark, "Notice", body.text, body=shown, foldable=True, opened=opened),)


def _reference(entry: Entry, opened: bool) -> tuple[Block, ...]:
    body = entry.event.body
    assert isinstance(body, kinds.Reference)
    shown = (Prose(body.text, muted=True),) if opened and body.text else ()
    summary = first_line(body.text) or f"session {body.target}{event_range(body)}"
    return (Card(Mark.NONE, "Refers to", summary, body=shown, foldable=bool(body.text), opened=opened),)


def _suggestion(entry: Entry, _opened: bool) -> tuple[Block, ...]:
    body = entry.event.body
    assert isinstance(body, kinds.Suggestion)
    return (Card(Mark.WAITING, "Suggested", first_line(body.text), body=(Prose(body.text),), opened=True),)


def _compaction(entry: Entry, opened: bool) -> tuple[Block, ...]:
    body = entry.event.body
    assert isinstance(body, kinds.Compaction)
    shown = (Prose(body.text, muted=True),) if opened else ()
    return (Card(Mark.NONE, "Summary of older turns", first_line(body.text), body=shown, foldable=True, opened=opened),)


def _unknown(entry: Entry, opened: bool) -> tuple[Block, ...]:
    body = entry.event.body
    fields: Any = body.fields if isinstance(body, kinds.Unknown) else json.loads(as_json(body))
    shown = (Code(as_json(fields), "json"),) if opened else ()
    kind = body.kind.replace("_", " ").capitalize()
    return (
        Card(
            Mark.NONE,
            kind,
            first_line(json.dumps(fields, ensure_ascii=False, default=str)),
            body=shown,
            foldable=True,
            opened=opened,
        ),
    )


_SHOW: dict[type, Callable[[Entry, bool], tuple[Block, ...]]] = {
    kinds.UserMessage: _message,
    kinds.AgentMessage: _message,
    kinds.AgentThought: _thought,
    kinds.Plan: _plan,
    kinds.ToolCall: tool_card,
    kinds.ToolResult: tool_card,
    kinds.FileRead: tool_card,
    kinds.FileChange: tool_card,
    kinds.Command: tool_card,
    kinds.CommandResult: tool_card,
    kinds.PermissionRequest: _request,
    kinds.PermissionAnswer: _answer,
    kinds.Verification: _verification,
    kinds.Conclusion: _conclusion,
    kinds.Notice: _notice,
    kinds.Reference: _reference,
    kinds.Suggestion: _suggestion,
    kinds.Compaction: _compaction,
}
