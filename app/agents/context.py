"""What an agent is told before it answers in a session: its past, its folders, and what the person allows it.

The terminal and the window start their conversations here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from app.agents.attaching import with_attachments_told
from app.agents.backend import SessionContext
from app.agents.files.watch import FileWatch
from app.agents.history import cut_middle
from app.agents.permission import Policy, replay
from app.agents.recorder import StoreRecorder
from app.agents.referring import with_references_told
from app.agents.tools.toolbox import TOOLS
from app.agents.turn import Asking
from app.errors import NotFound
from app.sessions.events import AnyBody, Compaction, PermissionAnswer, PermissionRequest
from app.sessions.queries import Queries
from app.sessions.views import Event, SessionRow
from sync.clock import Clock

RECORD_KINDS = frozenset({"plan", "checkpoint", "file_change", "permission_request", "permission_answer"})
"""What is read of the whole session, also of turns that a compaction covers."""
_RELATED_CHARACTERS = 4_000
_MAX_RELATED = 50


class Home(Protocol):
    """What is needed of `app.workspace.Workspace`."""

    home: Path
    clock: Clock


@dataclass(frozen=True, slots=True)
class SessionPast:
    """A session as an agent finds it. device, own: hex ids of this device, which runs the turn, and of its person.

    events: those of the whole conversation, or the compaction that covers most of it and what came after its range.
    record: events of `RECORD_KINDS` of the whole conversation. earlier_prompts: prompts that are not among the events.
    related: what sessions that this one refers to or started came to, by their ids; children: those it started, by the
    id of the call that did, '' where that is not known.
    """

    row: SessionRow
    events: Sequence[Event]
    folders: tuple[Path, ...]
    device: str
    own: str
    record: Sequence[Event] = ()
    earlier_prompts: int = 0
    related: Mapping[str, str] = field(default_factory=dict)
    children: Mapping[str, Sequence[str]] = field(default_factory=dict)


def read_past(queries: Queries, session: str) -> SessionPast:
    """What an agent is to know of a session, and the folders of its workspace, its own one first."""
    row = queries.session(session)
    identity, device = queries.own_device()
    folders = session_folders(row.cwd, queries.folders())
    covering = _covering(queries, row.id)
    events = [event for event in queries.iterate(row.id, after=_end_of(covering)) if not event.damaged]
    record, earlier = [event for event in events if event.kind in RECORD_KINDS], 0
    if covering is not None:
        record = [event for event in queries.iterate(row.id, kinds=RECORD_KINDS) if not event.damaged]
        told = sum(event.kind == "user_message" for event in events)
        earlier = sum(not event.damaged for event in queries.iterate(row.id, kinds=["user_message"])) - told
        events = [covering, *(event for event in events if event.id != covering.id)]
    children = _children(queries, row)
    related = _related(queries, row, children)
    events = with_attachments_told(queries, with_references_told(queries, row, events))
    return SessionPast(row, events, folders, device, identity, record, earlier, related, children)


def _covering(queries: Queries, session: str) -> Event | None:
    """The compaction whose range reaches farthest, of those whose range lies before them in the conversation."""
    compactions = [event for event in queries.iterate(session, kinds=["compaction"]) if not event.damaged]
    ranged = [(last, event.id, event) for event in compactions if (last := _end_of(event)) is not None]
    for last, identifier, event in sorted(ranged, reverse=True, key=lambda entry: entry[:2]):
        try:
            if last < identifier and queries.event(session, last).id == last:
                return event
        except NotFound:
            continue
    return None


def _end_of(event: Event | None) -> str | None:
    """Id of the last event that a compaction covers."""
    return event.body.last if event is not None and isinstance(event.body, Compaction) else None


def _children(queries: Queries, row: SessionRow) -> dict[str, list[str]]:
    children: dict[str, list[str]] = {}
    for child in queries.children(row.id):
        call = (child.parent or {}).get("call_id")
        children.setdefault(call if isinstance(call, str) else "", []).append(child.id)
    return children


def _related(queries: Queries, row: SessionRow, children: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """What sessions that this one started came to, by their ids."""
    targets = [child for started in children.values() for child in started]
    outcomes = {target: _outcome(queries, row, target) for target in targets[-_MAX_RELATED:]}
    return {target: text for target, text in outcomes.items() if text}


def _outcome(queries: Queries, row: SessionRow, target: str) -> str:
    """What another session of the same workspace came to: its conclusion, else the last that its agent said."""
    try:
        other = queries.session(target)
    except NotFound:
        return ""
    if other.workspace != row.workspace or other.trashed or other.id == row.id:
        return ""
    for kind in ("conclusion", "agent_message"):
        for event in queries.events(other.id, kinds=[kind], limit=1):
            return f"{other.title}: {cut_middle(str(getattr(event.body, 'text', '')), _RELATED_CHARACTERS)}"
    return ""


def session_folders(cwd: str | None, bound: Sequence[Path]) -> tuple[Path, ...]:
    """The folders an agent works in: the workspace's, with the session's own first, which may be inside one of them.

    A session's folder alone is not enough: it may come from an import and name anything.
    """
    folders = [folder for folder in bound if folder.is_dir()]
    if cwd is not None:
        own = Path(os.path.realpath(cwd))
        folders.sort(key=lambda folder: not own.is_relative_to(folder.resolve()))
        if folders and own.is_relative_to(folders[0].resolve()) and own.is_dir():
            folders = [own, *(folder for folder in folders if folder.resolve() != own)]
    return tuple(folders)


def own_answers(past: SessionPast, policy: Policy) -> Policy:
    """The policy with what this person answered "always" in this session.

    What others answered, or what came with an import or an export, allows nothing here.
    """
    own = [
        event
        for event in past.record
        if event.source is None and not event.author.claimed and event.author.identity == past.own
    ]
    return replay(policy, counting_answers(own))


def counting_answers(events: Sequence[Event]) -> list[AnyBody]:
    """Requests and the answers to them that counted, of the events of one person, in order.

    Several devices may answer one request at once. The device that asked has written which answer it took where that
    was its own; else it took the first that reached it, for which the first in order stands.
    """
    asked = {
        event.body.request_id: event.author.device for event in events if isinstance(event.body, PermissionRequest)
    }
    chosen: dict[str, Event] = {}
    for event in events:
        if isinstance(event.body, PermissionAnswer):
            request = event.body.request_id
            is_asker = event.author.device == asked.get(request)
            if request not in chosen or (is_asker and chosen[request].author.device != asked[request]):
                chosen[request] = event
    counting = {event.id for event in chosen.values()}
    return [event.body for event in events if isinstance(event.body, PermissionRequest) or event.id in counting]


def session_context(
    home: Home,
    past: SessionPast,
    recorder: StoreRecorder,
    asking: Asking,
    *,
    folders: tuple[Path, ...],
    policy: Policy,
    state: str = "",
) -> SessionContext:
    """folders: what tools may touch, the working one first; none of them: no tools. state: see `work.work_state`."""
    return SessionContext(
        ask=asking.ask,
        keep=recorder.keep,
        clock=home.clock,
        history=past.events,
        folders=folders,
        hidden=(home.home,),
        tools=tuple(TOOLS) if folders else (),
        policy=own_answers(past, policy),
        files=FileWatch(recorder, folders, (home.home,)) if folders else None,
        earlier_prompts=past.earlier_prompts,
        own=past.own,
        related=past.related,
        children=past.children,
        state=state,
    )
