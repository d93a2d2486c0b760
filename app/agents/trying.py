"""Trying an agent out: one word is asked for without tools, and nothing is recorded."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

from app.agents.backend import AgentBackend, Choosing, PromptText, SessionContext, TextDelta
from app.errors import AgentError

if TYPE_CHECKING:
    from sync.clock import Clock

PROMPT = "Answer with the one word: ready"
MOST_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Tried:
    """What an agent said, and after how many seconds it was done. models, modes: to choose, where it tells."""

    answer: str
    seconds: float
    models: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()


async def try_agent(backend: AgentBackend, clock: Clock, *, seconds: float = MOST_SECONDS) -> Tried:
    """The agent's answer to a short prompt. Raises AgentError, at the latest after `seconds`."""
    begun = time.monotonic()
    try:
        async with asyncio.timeout(seconds):
            tried = await _one_word(backend, clock)
    except TimeoutError as error:
        raise AgentError(f"The agent '{backend.name}' did not answer within {seconds:g} seconds.") from error
    return replace(tried, seconds=time.monotonic() - begun)


async def _one_word(backend: AgentBackend, clock: Clock) -> Tried:
    from app.agents.task import refuse

    async def keep(_data: bytes, _name: str) -> NoReturn:
        raise AgentError(f"The agent '{backend.name}' sent a file where one word was asked for.")

    pieces: list[str] = []
    conversation = await backend.start(SessionContext(ask=refuse, keep=keep, clock=clock))
    try:
        async for update in conversation.prompt([PromptText(PROMPT)]):
            if isinstance(update, TextDelta) and update.kind == "agent_message":
                pieces.append(update.text)
        answer = "".join(pieces).strip()
        if isinstance(conversation, Choosing):
            return Tried(answer, 0, tuple(conversation.models), tuple(conversation.modes))
        return Tried(answer, 0)
    finally:
        await conversation.close()
