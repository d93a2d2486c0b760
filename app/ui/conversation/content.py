"""From an entry to the blocks that show it, and to the text that copying gives. Pure; no Qt.

Cards of tools are in `cards.py`. A kind this version does not know becomes a plain card with all its fields.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from app.agents.mcp.asked_form import form_schema
from app.agents.policies import suggested_rule
from app.sessions import events as kinds
from app.sessions.bodies import missing_bytes
from app.sessions.markdown import event_range, told_fact
from app.sessions.sizes import human_size
from app.ui.ages import day, moment, same_day
from app.ui.conversation.blocks import (
    Ask,
    Banner,
    Block,
    Card,
    Code,
    Divider,
    Heading,
    Mark,
    Opens,
    Pictures,
    Prose,
    Steps,
)
from app.ui.conversation.card_texts import as_json, first_line, form_body, permission_body, revealed, wrapped
from app.ui.conversation.cards import tool_card
from app.ui.conversation.entries import Entry, answer_to, grouped, is_absorbed, is_by_person, speaker
from app.ui.words import one_line

if TYPE_CHECKING:
    from app.sessions.views import Event

LONG_TEXT, LONG_LINES = 12_000, 300
"""Characters and lines of a message that are shown before the reader asks for the rest; Markdown costs 2.5 ms for
1,000 characters, and 0.15 ms for the item of a list."""
REST_SHOWN, REST_LINES, REST_COLUMNS = 250_000, 10_000, 110
"""Characters and lines of the rest that are then shown, as plain lines; copies and exports have all."""
SPOKEN = 4_000
"""Characters of a row that are given to those who hear it."""
STREAMED, STREAMED_STEP = 9_000, 3_000
STREAMED_LINES, STREAMED_LINES_STEP = 120, 40
"""Characters and lines at the end of a text being streamed that are shown, and by how much its beginning moves on."""

OUTCOMES = {
    "completed": Mark.DONE,
    "failed": Mark.FAILED,
    "waiting": Mark.WAITING,
    "cancelled": Mark.DENIED,
}
IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp")
_QUOTED = 60
"""Characters of a prompt that is named by its text."""
_ANSWERS = {"once": "allowed once", "always": "allowed in this session", "reject": "rejected"}


def blocks_of(entry: Entry, *, now: int, opened: bool) -> tuple[Block, ...]:
    """What a row shows; empty when another row shows it. now: milliseconds, for times. opened: cards are open."""
    if is_absorbed(entry):
        return ()
    show = _SHOW.get(type(entry.event.body), _unknown)
    blocks = show(entry, opened)
    if not blocks:
        return ()
    if _needs_heading(entry):
        blocks = (Heading(name_of(entry), moment(entry.event.time, now), _about(entry), entry.hides), *blocks)
    return (*_dividers(entry, now), *blocks)


def _dividers(entry: Entry, now: int) -> tuple[Divider, ...]:
    """What stands across above a row: that another day, or what is new, begins."""
    time, before = entry.event.time, entry.previous_time
    another_day = before is not None and not same_day(before, time)
    days = (Divider(day(time, now)),) if another_day else ()
    return (*days, Divider("New", is_new=True)) if entry.is_new else days


def _about(entry: Entry) -> str:
    """Where the author was, and what they answer, where that is not plain."""
    answers = f"to “{one_line(entry.answers)[:_QUOTED]}”" if entry.answers else ""
    return " · ".join(words for words in (_device_of(entry), answers) if words)


def _device_of(entry: Entry) -> str:
    """Where the author was, if not here."""
    device = entry.event.author.device
    if not entry.device or not device or device == entry.device:
        return ""
    return f"on {one_line(entry.device_name)}" if entry.device_name else f"on device {device[:6]}"


def name_of(entry: Entry) -> str:
    """The speaker's name as people read it."""
    author = entry.event.author
    if is_by_person(entry.event):
        return author.name or entry.person or "Somebody"
    return author.agent or "Agent"


def plain_text(entry: Entry) -> str:
    """What copying a whole row gives: Markdown for messages, one line for a card, nothing for what is not shown."""
    body = entry.event.body
    if isinstance(body, kinds.UserMessage | kinds.AgentMessage):
        names = [ref.name or f"{ref.size:,} bytes" for ref in body.attachments]
        return "\n".join((body.text, *names)) if body.text.strip() else "\n".join(names)
    lines = [_block_text(block) for block in blocks_of(entry, now=entry.event.time, opened=False)]
    return "\n".join(line for line in lines if line)


_STATES = {
    Mark.DONE: "done",
    Mark.FAILED: "failed",
    Mark.RUNNING: "running",
    Mark.WAITING: "waiting",
    Mark.DENIED: "denied",
    Mark.NONE: "",
}


def spoken(entry: Entry, now: int) -> str:
    """A row for those who hear it: who, when, what it is and how it went, then its text, cut to a few sentences."""
    blocks = blocks_of(entry, now=now, opened=False)
    who = f"{name_of(entry)}, {moment(entry.event.time, now)}"
    cards = [block for block in blocks if isinstance(block, Card)]
    if cards and not isinstance(entry.event.body, kinds.UserMessage | kinds.AgentMessage):
        card = cards[0]
        words = (card.name, card.summary, *(text for text, _tone in card.trailing), _STATES[card.mark])
        return f"{who}: {', '.join(word for word in words if word)}"[:SPOKEN]
    if any(isinstance(block, Ask) for block in blocks):
        return f"{who}: asks for permission, {plain_text(entry)}"[:SPOKEN]
    return f"{who}: {plain_text(entry)}"[:SPOKEN]


def claims_image(ref: kinds.BlobRef) -> bool:
    """Whether a payload says that it is an image. Its bytes may say otherwise."""
    return (ref.media_type or "").startswith("image/") or (ref.name or "").lower().endswith(IMAGE_ENDINGS)


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
    if isinstance(body, kinds.Notice | kinds.Reference | kinds.Compaction | kinds.MemoryGiven | kinds.Suggestion):
        return False
    if entry.previous is None:
        return isinstance(body, kinds.AgentMessage)
    return speaker(entry.event) != entry.previous


def _message(entry: Entry, opened: bool) -> tuple[Block, ...]:
    body = entry.event.body
    assert isinstance(body, kinds.UserMessage | kinds.AgentMessage)
    blocks = list(_prose(body.text, opened))
    images = tuple(ref for ref in body.attachments if claims_image(ref))
    others = [ref for ref in body.attachments if ref not in images]
    if images:
        blocks.append(Pictures(images))
    if others:
        names = ", ".join(ref.name or f"{ref.size:,} bytes" for ref in others)
        blocks.append(Card(Mark.NONE, "Attached", names))
    if isinstance(body, kinds.AgentMessage) and body.interrupted:
        blocks.append(Banner("The answer was interrupted.", "warning"))
    return tuple(blocks)


def _prose(text: str, opened: bool) -> tuple[Block, ...]:
    cut = _cut(text)
    if cut == len(text):
        return (Prose(text),) if text.strip() else ()
    left = len(text) - cut
    if not opened:
        return (Prose(text[:cut]), Card(Mark.NONE, "Show the rest", f"{left:,} characters", foldable=True))
    rest = "\n".join(text[cut : cut + REST_SHOWN].split("\n", REST_LINES)[:REST_LINES])
    more = f"{left - len(rest):,} more characters are in copies and exports" if left > len(rest) + 1 else ""
    shown = Code(wrapped(rest, REST_COLUMNS))
    return (Prose(text[:cut]), shown, Card(Mark.NONE, "Show less", more, foldable=True, opened=True))


def _cut(text: str) -> int:
    """Where what is shown of a text ends: at the end of a line, if that is not far."""
    lines = text[:LONG_TEXT].split("\n", LONG_LINES)
    if len(lines) > LONG_LINES:
        return sum(map(len, lines[:LONG_LINES])) + LONG_LINES
    if len(text) <= LONG_TEXT:
        return len(text)
    line = text.rfind("\n", LONG_TEXT // 2, LONG_TEXT)
    return line + 1 if line > 0 else LONG_TEXT


def streamed_prose(text: str) -> Prose:
    """The end of a text that is being streamed. Its beginning moves on in steps, so that between two of them only what
    is new has to be parsed."""
    begin = max(0, (len(text) - STREAMED) // STREAMED_STEP * STREAMED_STEP)
    line = text.find("\n", begin, begin + STREAMED_STEP) if begin else -1
    begin = max(begin, line + 1, _begin_of_lines(text))
    return Prose(f"…\n\n{text[begin:]}" if begin else text, streaming=True)


def _begin_of_lines(text: str) -> int:
    """Where the last lines of a text begin; moves on in steps."""
    count = text.count("\n")
    hidden = (count - STREAMED_LINES) // STREAMED_LINES_STEP * STREAMED_LINES_STEP
    at = len(text)
    for _ in range(count - hidden + 1 if hidden > 0 else 0):
        at = text.rfind("\n", 0, at)
    return at + 1 if hidden > 0 else 0


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
    progress = done / len(body.entries) if body.entries else None
    words = f"{done} of {len(body.entries)} done"
    return (Card(mark, "Plan", words, body=(steps,), opened=True, progress=progress),)


def _request(entry: Entry, opened: bool) -> tuple[Block, ...]:
    body = entry.event.body
    assert isinstance(body, kinds.PermissionRequest)
    title = revealed(body.title or body.name)
    answer = answer_to(body.request_id, entry.group)
    if answer is None and entry.live:
        if (schema := form_schema(body)) is not None:
            return (Ask(body.request_id, title, form_body(schema), is_form=True),)
        for_good = suggested_rule(body.name, body.input, None) is not None
        return (Ask(body.request_id, title, permission_body(body), for_good),)
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
    opens = Opens("session", body.target, body.first)
    foldable = bool(body.text)
    return (Card(Mark.NONE, "Refers to", summary, body=shown, foldable=foldable, opened=opened, opens=opens),)


def _suggestion(entry: Entry, _opened: bool) -> tuple[Block, ...]:
    body = entry.event.body
    assert isinstance(body, kinds.Suggestion)
    return (Card(Mark.WAITING, "Suggested", first_line(body.text), body=(Prose(body.text),), opened=True),)


def _compaction(entry: Entry, opened: bool) -> tuple[Block, ...]:
    body = entry.event.body
    assert isinstance(body, kinds.Compaction)
    shown = (Prose(body.text, muted=True),) if opened else ()
    return (Card(Mark.NONE, "Summary of older turns", first_line(body.text), body=shown, foldable=True, opened=opened),)


def _memory_given(entry: Entry, opened: bool) -> tuple[Block, ...]:
    body = entry.event.body
    assert isinstance(body, kinds.MemoryGiven)
    told = "\n\n".join(map(told_fact, body.facts))
    shown = (Prose(told, muted=True),) if opened else ()
    summary = "1 fact" if len(body.facts) == 1 else f"{len(body.facts)} facts"
    return (Card(Mark.NONE, "Given from memory", summary, body=shown, foldable=True, opened=opened),)


def _erased(_entry: Entry, _opened: bool) -> tuple[Block, ...]:
    return (Card(Mark.DENIED, "Erased", "What was said here was taken back"),)


def _unknown(entry: Entry, opened: bool) -> tuple[Block, ...]:
    body = entry.event.body
    fields: Any = body.fields if isinstance(body, kinds.Unknown) else json.loads(as_json(body))
    kind = body.kind.replace("_", " ").capitalize()
    if (size := missing_bytes(body)) is not None:
        return (Card(Mark.NONE, kind, f"not on this device yet ({human_size(size)})"),)
    shown = (Code(as_json(fields), "json"),) if opened else ()
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
    kinds.MemoryGiven: _memory_given,
    kinds.Erased: _erased,
}
