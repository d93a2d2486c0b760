"""What one conversation knows of its session: the events, of which a model is told as much as its window holds.

Where that is less than all, older turns are summed up once; the summary becomes a `compaction` event that stands for
them from then on, in this conversation and in every later one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from app.agents.backend import PastEvent
from app.agents.digest import digest
from app.agents.history import PastItem, Reader, Step, Transcript, transcript
from app.agents.window import BYTES_PER_TOKEN, Plan, cut_to_tokens, plan
from app.errors import AgentError
from app.sessions.events import AnyBody, Body, Compaction
from app.sessions.views import Author

Summarise = Callable[[str, Sequence[Step], int], Awaitable[str]]
"""(earlier summary, steps after it, room in tokens) → one text for both. Raises AgentError."""
_NOT_STORED = ""


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of this conversation, which does not know its id."""

    body: AnyBody
    turn: str | None = None
    id: str = _NOT_STORED
    author: Author | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Recalled:
    """What the model is told. compaction: is new and belongs into the session; by_model: its text is the model's."""

    items: Sequence[PastItem]
    compaction: Compaction | None = None
    by_model: bool = True


class Recollection:
    """The past of a session as a conversation goes on."""

    def __init__(self, history: Sequence[PastEvent], reader: Reader) -> None:
        self._events: list[PastEvent] = list(history)
        self._reader = reader

    def add(self, bodies: Sequence[Body]) -> None:
        """What happened in this conversation. Compactions are known already."""
        self._events += [Happened(body) for body in bodies if not isinstance(body, Compaction)]

    def take_back(self) -> None:
        """Forget the last thing that was added: it is about to happen once more."""
        self._events.pop()

    async def recall(self, budget: int, summarise: Summarise) -> Recalled:
        """The past within a budget of tokens, older turns summed up where it is needed. Never fails for the summary."""
        told = transcript(self._events, self._reader)
        chosen = plan(told.summary, told.turns, budget)
        if not chosen.older:
            return Recalled(chosen.items(told.summary))
        cut = chosen.kept[0].position if chosen.kept else len(self._events)
        by_model = True
        try:
            text = await summarise(told.summary, chosen.older, chosen.summary_room)
        except AgentError:
            by_model, text = False, self._digest(told, chosen, cut)
        text = cut_to_tokens(text, chosen.summary_room)
        compaction = self._compact(told, cut, text)
        return Recalled(chosen.items(text), compaction, by_model)

    def _digest(self, told: Transcript, chosen: Plan, cut: int) -> str:
        bodies = (event.body for event in self._events[told.start : cut])
        return digest(bodies, told.summary, chosen.summary_room * BYTES_PER_TOKEN)

    def _compact(self, told: Transcript, cut: int, text: str) -> Compaction | None:
        """Put a summary in the place of the events before `cut`; the event for it, if any of them is in the store."""
        stored = [event.id for event in self._events[told.start : cut] if event.id]
        begins = told.covered.first if told.covered is not None else None
        first = begins or next(iter(stored), None)
        last = stored[-1] if stored else told.covered.last if told.covered is not None else None
        compaction = Compaction(text=text, first=first, last=last or _NOT_STORED)
        self._events = [Happened(compaction), *self._events[cut:]]
        return compaction if stored and text else None
