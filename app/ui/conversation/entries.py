"""A row of the conversation with what it needs from its neighbours: the events of its tool call, the speaker before."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.sessions import events as kinds
from app.sessions.texts import INVISIBLE_KINDS

if TYPE_CHECKING:
    from app.sessions.views import Event

_HEADS: tuple[type[kinds.Body], ...] = (kinds.ToolCall, kinds.Command)


@dataclass(frozen=True, slots=True)
class Entry:
    """event: the row's own. group: all loaded events of its tool call or request, in order, itself included.
    previous: who spoke just before, None when that is not known. live: the session has a turn that runs.
    previous_time: of the row before, in milliseconds, where that is known. device: this one (hex), '' where unknown.
    is_new: what people have not seen begins here. follows_erased: the row before was erased.
    hides: of a prompt whose turn can be folded, how many rows its fold hides now. person, device_name: what the author
    and the device they used are called, '' where that is not known. answers: the prompt that it answers, where others
    were written in between.
    """

    event: Event
    group: tuple[Event, ...] = ()
    previous: str | None = None
    live: bool = False
    previous_time: int | None = None
    device: str = ""
    is_new: bool = False
    follows_erased: bool = False
    hides: int | None = None
    person: str = ""
    device_name: str = ""
    answers: str = ""


def has_row(event: Event) -> bool:
    """Whether the event is part of the timeline; others only add to the cards of their group."""
    return event.kind not in INVISIBLE_KINDS


def call_of(event: Event) -> str | None:
    """The tool call an event belongs to."""
    return getattr(event.body, "call_id", None)


def adds_to_card(event: Event) -> bool:
    """Whether an event belongs to the card of a tool call, as a rule above it, rather than saying something itself."""
    return bool(call_of(event)) and not isinstance(event.body, kinds.ToolCall | kinds.PermissionRequest)


def request_of(event: Event) -> str | None:
    """The permission request an event asks or answers."""
    return getattr(event.body, "request_id", None)


def speaker(event: Event) -> str:
    """Who stands behind an event: changes of this begin a new heading."""
    if is_by_person(event):
        return f"person {event.author.identity}"
    return f"agent {event.author.agent or event.author.identity}"


def is_by_person(event: Event) -> bool:
    """Whether a person said or did it: wrote a prompt, or ran a command of their own."""
    own = isinstance(event.body, kinds.Command | kinds.CommandResult) and event.author.agent is None
    return own or event.body.kind == "user_message"  # also one whose text is not on this device yet


def head_of(group: Iterable[Event]) -> Event | None:
    """The event whose card stands for its group: the tool call, else the command, else the first."""
    members = tuple(group)
    for head in _HEADS:
        for event in members:
            if isinstance(event.body, head):
                return event
    return members[0] if members else None


def grouped(events: Sequence[Event]) -> list[Entry]:
    """The entries of consecutive events, from these alone."""
    groups: dict[Hashable, list[Event]] = {}
    for event in events:
        for key in ties(event):
            groups.setdefault(key, []).append(event)
    entries = []
    for number, event in enumerate(events):
        previous = speaker(events[number - 1]) if number else None
        entries.append(Entry(event, group_of(event, lambda key: groups.get(key, ())), previous))
    return entries


def group_of(event: Event, tied: Callable[[Hashable], Iterable[Event]]) -> tuple[Event, ...]:
    """All events that `ties` join to an event, directly or through others, in order. tied: the events of one tie."""
    found: dict[str, Event] = {}
    followed: set[Hashable] = set()
    waiting = [event]
    while waiting:
        new_keys = set(ties(waiting.pop())) - followed
        followed |= new_keys
        for key in new_keys:
            new = [member for member in tied(key) if member.id not in found]
            found.update((member.id, member) for member in new)
            waiting += new
    return tuple(found[identifier] for identifier in sorted(found))


def head_row(event: Event, events: Iterable[Event]) -> int:
    """The row id of the card that shows an event, among the events around it."""
    wanted = set(ties(event))
    head = head_of(other for other in events if wanted.intersection(ties(other)))
    return event.row if head is None else head.row


def ties(event: Event) -> tuple[Hashable, ...]:
    """What ties an event to others: its tool call (ids are only unique within a turn) and its permission request."""
    call, request = call_of(event), request_of(event)
    keys: list[Hashable] = []
    if call:
        keys.append(("call", event.turn, call))
    if request:
        keys.append(("request", request))
    return tuple(keys)


def answer_to(request: str, group: Iterable[Event]) -> kinds.PermissionAnswer | None:
    """The answer to a permission request, among the events given."""
    for event in group:
        if isinstance(event.body, kinds.PermissionAnswer) and event.body.request_id == request:
            return event.body
    return None


def is_absorbed(entry: Entry) -> bool:
    """Whether another row's card already shows this event, so that its own row is 0 high."""
    body = entry.event.body
    if isinstance(body, kinds.Erased):
        return entry.follows_erased
    if isinstance(body, kinds.PermissionRequest) and not _settled(entry):
        return False
    if isinstance(body, kinds.PermissionAnswer):
        return len(entry.group) > 1
    head = head_of(entry.group)
    return head is not None and head.id != entry.event.id


def _settled(entry: Entry) -> bool:
    body = entry.event.body
    assert isinstance(body, kinds.PermissionRequest)
    ended = any(isinstance(event.body, kinds.ToolResult) for event in entry.group)
    return ended or answer_to(body.request_id, entry.group) is not None
