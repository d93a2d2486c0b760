"""Which device runs a session, and the prompts that wait for this one.

Every prompt names its runner; only that device executes it, and only if the prompt is its own person's: nobody else's
word runs here. A device that takes over says so in an event with a higher term, and speaks for itself alone. What
others prompt stands as a suggestion until the person accepts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.sessions.events import PermissionAnswer, PermissionRequest, Takeover, ToolResult, UserMessage

if TYPE_CHECKING:
    from app.sessions.queries import Queries
    from app.sessions.views import Event

LOOKED_AT = 200
"""How many of the newest events are looked at: a prompt that has so many after it does not wait any more."""


@dataclass(frozen=True, slots=True)
class Runner:
    """Who runs a session: ids in hex. term: of the last take-over, 0 without one."""

    identity: str
    device: str
    term: int = 0


@dataclass(frozen=True, slots=True)
class WaitingPrompt:
    """A prompt of another device of this person that this one is to execute."""

    session: str
    turn: str
    message: UserMessage


def runner_of(events: Sequence[Event]) -> Runner | None:
    """Who runs a session by its prompts and take-overs, oldest first; None where nobody does, as after an import."""
    runner: Runner | None = None
    for event in events:
        author, body = event.author, event.body
        if author.claimed:
            continue
        term = 0 if runner is None else runner.term
        if isinstance(body, Takeover) and body.runner == author.device and body.term > term:
            runner = Runner(author.identity, author.device, body.term)
        elif isinstance(body, UserMessage) and body.runner is not None and _may_name(runner, author.identity):
            runner = Runner(author.identity, body.runner, term)
    return runner


def _may_name(runner: Runner | None, identity: str) -> bool:
    """Whether a prompt of somebody changes who runs the session: not once a device of theirs has taken over."""
    return runner is None or runner.term == 0 or identity != runner.identity


def find_runner(queries: Queries, session: str) -> Runner | None:
    """Who runs a session now."""
    return runner_of(queries.events(session, kinds=("user_message", "takeover"), limit=LOOKED_AT))


def waiting_prompts(queries: Queries, session: str) -> list[WaitingPrompt]:
    """The prompts that this device is to execute and nobody has begun with."""
    identity, device = queries.own_device()
    events = queries.events(session, limit=LOOKED_AT)
    begun = {event.turn for event in events if not isinstance(event.body, UserMessage | Takeover)}
    runner = runner_of(events)
    found = []
    for event in events:
        body, author = event.body, event.author
        if not isinstance(body, UserMessage) or author.claimed or author.identity != identity or event.inherited:
            continue
        wanted = runner.device if runner is not None and runner.term and runner.identity == identity else body.runner
        if wanted == device and author.device != device and event.turn and event.turn not in begun:
            found.append(WaitingPrompt(session, event.turn, body))
    return found


def waits_elsewhere(queries: Queries, session: str) -> bool:
    """Whether another device of this person waits for an answer, as far as is known: it may have died since."""
    identity, device = queries.own_device()
    newest: dict[str, str | None] = {}
    asked: dict[str, Event] = {}
    for event in queries.events(session, limit=LOOKED_AT):
        author, body = event.author, event.body
        if author.identity != identity or author.claimed or event.inherited:
            continue
        newest[author.device] = event.turn or newest.get(author.device)
        if isinstance(body, PermissionAnswer):
            asked.pop(body.request_id, None)
        elif isinstance(body, ToolResult):
            asked = {request: one for request, one in asked.items() if _call(one) != body.call_id}
        elif isinstance(body, PermissionRequest) and author.device != device:
            asked[body.request_id] = event
    return any(one.turn == newest[one.author.device] for one in asked.values())


def _call(request: Event) -> str | None:
    return request.body.call_id if isinstance(request.body, PermissionRequest) else None
