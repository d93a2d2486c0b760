"""Titles that agents propose for sessions which no person has named.

After the first turn a session is called what its prompt begins with; the session's own agent may know better. A
proposal never costs anything: it comes after the turn, what goes wrong with it is passed over in silence, and a title
that a person has set meanwhile stays. The local setting `titles`, set to false, turns it off.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from app.agents.asking import ask_once
from app.agents.backend import AgentBackend, PastEvent
from app.agents.history import cut_middle
from app.errors import AppError
from app.sessions.events import UserMessage
from sync.errors import SyncError

SETTING = "titles"
PROPOSING_SECONDS = 10.0
WAITED_SECONDS = 2.0
"""So long somebody who has the answer already waits for the title at most, as a terminal does."""
MAX_CHARACTERS = 60
_TOLD_CHARACTERS = 2_000
_QUESTION = (
    "Give a short title, three to six words, for a conversation that begins like this. Answer with the title alone, "
    "in the language of the conversation.\n\nPerson: {prompt}\n\nAgent: {answer}"
)
_DECORATION = " \t\"'`*_#>“”„‘’«»"


class AskedTitles:
    """The ability of an agent that can simply be asked: in a conversation of its own, without tools."""

    def __init__(self, backend: AgentBackend) -> None:
        self._backend = backend

    async def propose(self, prompt: str, answer: str) -> str:
        """What the agent answers. Raises AgentError."""
        question = _QUESTION.format(
            prompt=cut_middle(prompt, _TOLD_CHARACTERS), answer=cut_middle(answer, _TOLD_CHARACTERS)
        )
        return await ask_once(self._backend, question)


def cleaned(text: str) -> str | None:
    """A proposal as a title: its first line without decoration; None where that is none."""
    line = next((line for line in map(str.strip, text.splitlines()) if line.strip(_DECORATION)), "")
    head, colon, rest = line.strip(_DECORATION).partition(":")
    title = " ".join((rest if colon and head.strip(_DECORATION).lower() in ("title", "titel") else line).split())
    title = title.strip(_DECORATION).rstrip(".")
    if len(title) > MAX_CHARACTERS:
        title = title[:MAX_CHARACTERS].rsplit(" ", 1)[0].rstrip(",.;:") + "…"
    return title or None


class Store(Protocol):
    """What is needed of `app.workspace.Workspace`."""

    async def write_async(self, operation: Callable[[Any], Any], /) -> Any: ...

    async def read_async(self, query: Callable[[Any], Any], /) -> Any: ...


def is_first_turn(events: Sequence[PastEvent]) -> bool:
    """Whether a session with these events has had no prompt yet."""
    return not any(isinstance(event.body, UserMessage) for event in events)


async def propose_title(
    store: Store, session: str, backend: AgentBackend, prompt: str, answer: str, *, within: float = PROPOSING_SECONDS
) -> None:
    """Let an agent name a session after its first turn, if it can, may, and no person has named it.

    within: seconds it has for that; then the session stays called what its prompt begins with.
    """
    titles = backend.titles
    if titles is None or not answer.strip():
        return
    if not await store.read_async(lambda queries: queries.setting(SETTING, True)):
        return
    try:
        async with asyncio.timeout(within):
            title = cleaned(await titles.propose(prompt, answer))
        if title is not None:
            await _keep(store, session, backend.name, title, prompt)
    except (AppError, SyncError, TimeoutError):
        return


def _keep(store: Store, session: str, agent: str, title: str, prompt: str) -> Awaitable[Any]:
    return store.write_async(lambda operations: operations.take_title(session, title, prompt=prompt, agent=agent))
