"""Search over 1,000,000 events, newest first with filters, and while a word is being typed; the window over them.

The events go through the product's projection and index in transactions of the size of an import's, without documents
and signatures, which search never reads. The home is closed and opened again before anything is measured.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from time import perf_counter

from app.sessions.bodies import encode_draft
from app.sessions.events import AgentMessage, AnyBody, Command, CommandResult, Draft, ToolCall, UserMessage
from app.sessions.filters import SearchFilter
from app.sessions.ids import derived_id, event_id
from app.sessions.projection import SessionProjector
from app.sessions.queries import Queries
from app.workspace import Workspace
from sync.documents.segment import SegmentHeader
from sync.engine import Engine
from sync.store.blobs import BlobStore
from sync.store.projector import SegmentRows
from tests.benchmarks import window_large
from tests.benchmarks.figures import Figure, quantile, wall_and_processor
from tests.benchmarks.place import Place
from tests.benchmarks.words import Words

BAR_MS = 20.0
SESSION_EVENTS = 500
BATCH_SESSIONS = 2
REPEATS = 25
TYPED = 400
_START_MS, _STEP_MS = 1_735_700_000_000, 30_000
_TYPES = ("interactive", "interactive", "interactive", "agent", "mcp")
_AGENTS = ("claude-code", "codex", "scripted")


@dataclass(frozen=True, slots=True)
class _Asked:
    """A query with what it is called in the results."""

    kind: str
    filters: str
    query: str
    wanted: SearchFilter


_Answer = tuple[_Asked, float, float]
"""A question, and in milliseconds how long it took and how much of that on a processor."""


def run(place: Place) -> Iterator[Figure]:
    """Builds the store and asks."""
    count, words = place.sizes.search_events, Words(6)
    begun = perf_counter()
    with place.opened() as workspace:
        phrases = _build(workspace, words, count)
    built = perf_counter() - begun
    place.say(f"{count:,} events in {built:.0f} s")
    with place.opened() as workspace:
        answers = workspace.read(lambda queries: _ask(queries, _questions(words, count, phrases)))
        typed = workspace.read(lambda queries: _ask(queries, list(_prefixes(words))))
    database = (place.folder / "home" / "lovelace.db").stat().st_size
    note = f"{count:,} events in {count // SESSION_EVENTS:,} sessions, database {database / 1e6:,.0f} MB"
    yield from _figures(place, "search", answers, note)
    yield from _figures(place, "as you type", typed, f"{TYPED} prefixes of 2 to 6 letters")
    yield Figure("projected and indexed", count / built, "events/s", note="projection and index alone")
    yield from window_large.figures(place, words)


def _figures(place: Place, name: str, answers: list[_Answer], note: str) -> Iterator[Figure]:
    groups: dict[str, list[float]] = {}
    for asked, time, _ in answers:
        for group in (asked.kind, f"filter: {asked.filters}", f"{asked.kind}, {asked.filters}"):
            groups.setdefault(group, []).append(time)
    p99 = {group: round(quantile(values, 0.99), 2) for group, values in groups.items()}
    every, processor = [time for _, time, _ in answers], [time for _, _, time in answers]
    slowest = max(answers, key=lambda answer: answer[1])[0]
    detail = {
        "p50_ms": round(quantile(every, 0.5), 2),
        "max_ms": round(max(every), 2),
        "queries": len(every),
        "processor_p99_ms": round(quantile(processor, 0.99), 2),
        "p99_ms": p99,
    }
    yield Figure(
        f"{name} p99", quantile(every, 0.99), "ms", BAR_MS, note=f"{len(every):,} queries, {note}", detail=detail
    )
    yield Figure(f"{name} p50", quantile(every, 0.5), "ms")
    yield Figure(
        f"{name} p99 of processor time", quantile(processor, 0.99), "ms", note="others on the machine left out"
    )
    yield Figure(f"{name} slowest", max(every), "ms", note=f"{slowest.kind}, {slowest.filters}: {slowest.query}")
    for group, value in sorted(p99.items(), key=lambda item: -item[1])[:12]:
        place.say(f"{value:8.2f} ms p99 {group}")


def _ask(queries: Queries, questions: list[_Asked]) -> list[_Answer]:
    """Milliseconds of each; one question before them opens the index."""
    queries.search("warm", SearchFilter())
    return [(asked, *wall_and_processor(partial(queries.search, asked.query, asked.wanted))) for asked in questions]


def _questions(words: Words, count: int, phrases: list[str]) -> list[_Asked]:
    made = [
        _Asked(kind, name, query, wanted)
        for _ in range(REPEATS)
        for kind, query in _queries(words, phrases).items()
        for name, wanted in _filters(words, count).items()
    ]
    words.random.shuffle(made)
    return made


def _queries(words: Words, phrases: list[str]) -> dict[str, str]:
    return {
        "common word": words.between(1, 40),
        "middling word": words.between(200, 2_000),
        "rare word": words.between(20_000, 50_000),
        "two words": f"{words.between(1, 200)} {words.between(200, 5_000)}",
        "two common words": f"{words.between(1, 40)} {words.between(1, 40)}",
        "phrase": f'"{words.random.choice(phrases)}"',
    }


def _filters(words: Words, count: int) -> dict[str, SearchFilter]:
    last = _START_MS + count * _STEP_MS
    since = last - words.random.randint(1, 90) * 86_400_000
    agent = words.random.choice(_AGENTS)
    return {
        "none": SearchFilter(),
        "kind": SearchFilter(kind=words.random.choice(("user_message", "command", "command_result"))),
        "type": SearchFilter(type="mcp"),
        "since": SearchFilter(since=since),
        "until": SearchFilter(until=since),
        "session": SearchFilter(session=_session(words.random.randrange(max(1, count // SESSION_EVENTS)))),
        "author": SearchFilter(author=agent),
        "kind and since and author": SearchFilter(kind="agent_message", since=since, author=agent),
    }


def _prefixes(words: Words) -> Iterator[_Asked]:
    for word in words.draw(TYPED):
        letters = min(len(word), words.random.randint(2, 6))
        yield _Asked(f"{letters} letters", "none", word[:letters], SearchFilter(as_typed=True))
        before = words.between(1, 500)
        yield _Asked(f"a word and {letters} letters", "none", f"{before} {word[:letters]}", SearchFilter(as_typed=True))


# the store


def _session(number: int) -> str:
    return derived_id("benchmark", str(number))


def _build(workspace: Workspace, words: Words, count: int) -> list[str]:
    """Fill the store; gives phrases that occur in it."""
    row = workspace.read(lambda queries: queries.workspace)
    phrases: list[str] = []

    def write(engine: Engine) -> None:
        projector = SessionProjector(BlobStore(workspace.home / "blobs"))
        for first in range(0, max(1, count // SESSION_EVENTS), BATCH_SESSIONS):
            with engine.transaction() as tx:
                for number in range(first, first + BATCH_SESSIONS):
                    rows = _session_rows(words, number, engine, row)
                    projector.apply_segment(tx.connection, rows)
                    phrases.append(" ".join(rows.items[-1][1].split(" ")[3:5]))
                tx.touch("projection")

    workspace.write(lambda operations: write(operations._engine))
    return phrases


def _session_rows(words: Words, number: int, engine: Engine, workspace: int) -> SegmentRows:
    """The events of one session, interleaved in time with those of its neighbour."""
    agent = _AGENTS[number % len(_AGENTS)]
    opening = json.dumps({"type": [event_id(0, b"", b""), _TYPES[number % len(_TYPES)]]})
    header = SegmentHeader(_session(number), 0, "Ada", opening)
    base = _START_MS + number // BATCH_SESSIONS * BATCH_SESSIONS * SESSION_EVENTS * _STEP_MS
    items = []
    for n in range(SESSION_EVENTS):
        body = _body(words, n)
        time = base + (n * BATCH_SESSIONS + number % BATCH_SESSIONS) * _STEP_MS
        author = None if isinstance(body, UserMessage) else agent
        data = encode_draft(Draft(body=body, time=time, agent=author))
        items.append((event_id(n + 1, engine.device.device_id, data), data.decode()))
    return SegmentRows(workspace, engine.identity, engine.device.device_id, header, True, items, _START_MS * 2)


def _body(words: Words, number: int) -> AnyBody:
    call = f"call_{number // 5}"
    match number % 5:
        case 0:
            return UserMessage(text=words.text(200))
        case 1:
            return ToolCall(call_id=call, name="Bash", input={"command": words.text(80)})
        case 2:
            return Command(call_id=call, command=words.text(80), cwd="/home/dev/project")
        case 3:
            return CommandResult(call_id=call, exit_code=0, stdout=words.text(700), stderr="", duration_ms=120)
    return AgentMessage(text=words.text(450))
