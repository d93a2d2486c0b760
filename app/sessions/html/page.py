"""The page of a session, piece by piece: its memory does not grow with the session. All times are UTC."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from app.sessions.entries import Entry, entries
from app.sessions.events import (
    AgentMessage,
    AgentThought,
    Checkpoint,
    Compaction,
    Conclusion,
    Erased,
    MemoryGiven,
    Notice,
    Plan,
    Reference,
    Status,
    Suggestion,
    Takeover,
    Unknown,
    Usage,
    UserMessage,
    Verification,
)
from app.sessions.html.cards import CARD_KINDS, as_json, card_html
from app.sessions.html.code import code_html
from app.sessions.html.images import Find, attachment_html
from app.sessions.html.prose import prose_html
from app.sessions.html.style import security_policy, stylesheet
from app.sessions.html.terminal import terminal_html
from app.sessions.html.text import escaped, one_line
from app.sessions.markdown import told_fact
from app.sessions.views import Event, SessionRow, iso_time

_PLAN_MARKS = {"pending": "☐", "in_progress": "◐", "completed": "☑"}


def session_html(row: SessionRow, events: Iterable[Event], note: str, find: Find) -> Iterator[str]:
    """Pieces of the page, in order. find: gives the contents of attachments."""
    yield from _head(row, note)
    page = _Page(row, find)
    for entry in entries(events):
        yield from page.entry(entry)
    yield "</main>\n</body>\n</html>\n"


def _head(row: SessionRow, note: str) -> Iterator[str]:
    title = escaped(" ".join(row.title.split()))
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield f'<meta http-equiv="Content-Security-Policy" content="{security_policy()}">\n'
    yield '<meta name="referrer" content="no-referrer">\n<meta name="color-scheme" content="light dark">\n'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
    yield f"<title>{title}</title>\n<style>{stylesheet()}</style>\n</head>\n<body>\n<main>\n"
    yield f"<header>\n<h1>{title}</h1>\n"
    facts = [f"{_day(row.created)} – {_day(row.updated)} UTC", row.workspace_name, *row.authors, row.status]
    tags = "".join(f' <span class="tag">{escaped(tag)}</span>' for tag in row.tags)
    yield f'<p class="facts">{" · ".join(map(escaped, facts))}{tags}</p>\n'
    if note.strip():
        yield f'<section class="note">\n{prose_html(note)}</section>\n'
    yield "</header>\n"


class _Page:
    """Where the page has got to: who spoke last, on which day, and whether a fork's own events have begun."""

    def __init__(self, row: SessionRow, find: Find) -> None:
        self._origin = row.origin
        self._find = find
        self._speaker: tuple[str, str, str | None] | None = None
        self._day = ""
        self._inherited = False

    def entry(self, entry: Entry) -> Iterator[str]:
        """An event, or a tool call with all that belongs to it, under its speaker's name."""
        event = entry.event
        pieces = card_html(entry, self._find) if isinstance(event.body, CARD_KINDS) else self._plain(event)
        first = next(pieces, None)
        if first is None:
            return
        yield from self._heading(event)
        yield f'<div id="e-{escaped(event.id)}">{first}'
        yield from pieces
        yield "</div>\n"

    def _heading(self, event: Event) -> Iterator[str]:
        day, author = _day(event.time)[:10], event.author
        if self._inherited and not event.inherited and self._origin is not None:
            yield f'<p class="fork">Forked from session {escaped(self._origin[0])}</p>\n'
            self._speaker = None
        self._inherited = event.inherited
        if day != self._day:
            yield f'<p class="day">{day}</p>\n'
            self._day, self._speaker = day, None
        speaker = (author.identity, author.device, author.agent)
        if speaker != self._speaker:
            self._speaker = speaker
            behind = f" <small>for {escaped(one_line(author.name))}</small>" if author.agent else ""
            moment = iso_time(event.time)
            yield f'<div class="who"><h2>{escaped(one_line(author.agent or author.name))}</h2>{behind}'
            yield f'<time datetime="{moment}">{moment[11:16]}</time></div>\n'

    def _plain(self, event: Event) -> Iterator[str]:
        written = False
        for piece in self._body(event):
            written = True
            yield piece
        if written and event.damaged:
            yield '<p class="warn">The above is damaged: it is not what its id says.</p>\n'

    def _body(self, event: Event) -> Iterator[str]:
        match event.body:
            case UserMessage() | AgentMessage() | Suggestion():
                yield from self._message(event.body)
            case AgentThought(text=text):
                yield '<details class="thought"><summary><span>Thought</span>'
                yield f'<span class="what">{escaped(one_line(text))}</span></summary>'
                yield f"<div>{prose_html(text)}</div></details>\n"
            case Plan(entries=steps):
                yield '<ul class="plan">'
                for step in steps:
                    yield f'<li class="{step.status}">{_PLAN_MARKS[step.status]} {escaped(step.text)}</li>'
                yield "</ul>\n"
            case Unknown(kind=kind, fields=fields):
                yield f'<p class="meta">{escaped(one_line(kind))}</p>'
                yield f"<pre>{code_html(as_json(fields), 'json')}</pre>\n"
            case _:
                yield from _remark(event)

    def _message(self, body: UserMessage | AgentMessage | Suggestion) -> Iterator[str]:
        yield f'<div class="{"said" if isinstance(body, AgentMessage) else "person"}">\n{prose_html(body.text)}'
        for ref in () if isinstance(body, Suggestion) else body.attachments:
            yield from attachment_html(ref, self._find)
        if isinstance(body, AgentMessage) and body.interrupted:
            yield '<p class="meta">Interrupted.</p>\n'
        if isinstance(body, Suggestion):
            yield '<p class="meta">A suggestion.</p>\n'
        yield "</div>\n"


def _remark(event: Event) -> Iterator[str]:
    match event.body:
        case Conclusion() | Compaction() as body:
            failed = isinstance(body, Conclusion) and body.outcome == "failed"
            name = body.outcome if isinstance(body, Conclusion) else "earlier turns in short"
            yield f'<div class="box{" bad" if failed else ""}"><small>{name}</small>\n{prose_html(body.text)}</div>\n'
        case Verification(what=what, passed=passed, evidence=evidence):
            mark = '<span class="ok">✓</span>' if passed else '<span class="bad">✗</span>'
            yield f"<p>{mark} {escaped(what)}</p>\n"
            if evidence:
                yield f"<pre>{terminal_html(evidence)}</pre>\n"
        case Notice(text=text, level=level):
            yield f'<p class="{"warn" if level == "error" else "meta"}">{escaped(text)}</p>\n'
        case MemoryGiven(facts=facts):
            yield f'<p class="meta">given from memory: {escaped("; ".join(map(told_fact, facts)))}</p>\n'
        case Reference(target=target, text=text):
            yield f'<p class="meta">→ session {escaped(target)}</p>\n{prose_html(text) if text else ""}'
        case _:
            if words := _small_print(event):
                yield f'<p class="meta">{escaped(words)}</p>\n'


def _small_print(event: Event) -> str:
    """A line about what only keeps the books; '' for what says nothing to a reader."""
    match event.body:
        case Status(status=status, reason=reason):
            return f"Status: {status}" + (f" ({one_line(reason)})" if reason else "")
        case Usage() as usage:
            cost = "" if usage.cost is None else f" · ${usage.cost:,.4f}"
            model = f" · {one_line(usage.model)}" if usage.model else ""
            return f"{usage.input:,} tokens in · {usage.output:,} out{cost}{model}"
        case Erased():
            return "What was said here was taken back."
        case Takeover():
            return "Another device runs the session from here."
        case Checkpoint(files=files) if files:
            return f"Checkpoint of {len(files):,} files" if len(files) > 1 else "Checkpoint of 1 file"
    return ""


def _day(time: int) -> str:
    return iso_time(time)[:16].replace("T", " ")
