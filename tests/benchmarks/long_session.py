"""Opening a session of 100,000 events inside the process: its last 200 events, and the shape of the whole."""

from __future__ import annotations

from collections.abc import Iterator

from app.sessions.events import AgentMessage, AnyBody, Command, CommandResult, Draft, UserMessage
from app.sessions.operations import SessionOperations
from app.sessions.queries import Queries
from tests.benchmarks.figures import Figure, milliseconds, quantile
from tests.benchmarks.place import Place
from tests.benchmarks.words import Words

BAR_MS = 20.0
SHOWN = 200
REPEATS = 30
_BATCH = 1_000
_START_MS = 1_760_000_000_000


def run(place: Place) -> Iterator[Figure]:
    """Writes the session, opens the home anew and reads."""
    count = place.sizes.session_events
    with place.opened() as workspace:
        session = workspace.write(lambda operations: write_session(operations, count))
    with place.opened() as workspace:
        first = milliseconds(lambda: workspace.read(lambda queries: queries.tail(session, SHOWN)))
        tail = workspace.read(lambda queries: _times(queries, session))
        timeline = [
            milliseconds(lambda: workspace.read(lambda queries: queries.timeline(session))) for _ in range(REPEATS)
        ]
    detail = {"first_ms": round(first, 2), "p99_ms": round(quantile(tail, 0.99), 2)}
    note = f"p50 of {REPEATS}; the very first, connection included, {first:.1f} ms"
    yield Figure(f"last {SHOWN} of {count:,}", quantile(tail, 0.5), "ms", BAR_MS, note=note, detail=detail)
    yield Figure(f"timeline of {count:,}", quantile(timeline, 0.5), "ms", note="row ids and line counts of all")


def _times(queries: Queries, session: str) -> list[float]:
    return [milliseconds(lambda: queries.tail(session, SHOWN)) for _ in range(REPEATS)]


def write_session(operations: SessionOperations, count: int) -> str:
    """A session of prompts, answers and commands; gives its id."""
    words = Words(4)
    session = operations.create(title="Long")
    for at in range(0, count, _BATCH):
        bodies = (session_body(words, number) for number in range(at, min(at + _BATCH, count)))
        drafts = [Draft(body=body, time=_START_MS + (at + n) * 500) for n, body in enumerate(bodies)]
        operations.append(session, drafts)
    return session


def session_drafts(numbers: range) -> list[Draft]:
    """Events with these numbers, half a second apart."""
    words = Words(numbers.start + 1)
    return [Draft(body=session_body(words, number), time=_START_MS + number * 500) for number in numbers]


def session_body(words: Words, number: int) -> AnyBody:
    """The body of the event with this number: prompt, command, its result, answer, and again."""
    call = f"call_{number // 4}"
    match number % 4:
        case 0:
            return UserMessage(text=words.text(120))
        case 1:
            return Command(call_id=call, command=f"pytest -q {words.between(1, 900)}", cwd="/home/dev/project")
        case 2:
            return CommandResult(call_id=call, exit_code=0, stdout=words.text(600), stderr="", duration_ms=120)
    return AgentMessage(text=words.text(350))
