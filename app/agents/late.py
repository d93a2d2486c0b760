"""A conversation that starts with its first prompt.

An agent may need seconds to come up: a model is loaded, a program started. What was asked is in the session before
that, and an agent that cannot be reached fails the turn like one that fails later.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing

from app.agents.backend import Conversation, PromptPart, Update


class LateConversation:
    """start: gives the conversation; what it raises is raised from the stream of the prompt that needed it."""

    def __init__(self, start: Callable[[], Awaitable[Conversation]]) -> None:
        self._start = start
        self._starting: asyncio.Future[Conversation] | None = None
        self._conversation: Conversation | None = None
        self._cancelled = False

    async def prompt(self, parts: Sequence[PromptPart]) -> AsyncGenerator[Update, None]:
        """As the conversation's own; nothing comes where it was cancelled before it began."""
        self._cancelled = False
        if self._conversation is None:
            self._conversation = await self._begin()
        if self._conversation is None or self._cancelled:
            return
        async with aclosing(self._conversation.prompt(parts)) as updates:
            async for update in updates:
                yield update

    async def cancel(self) -> None:
        """End the running prompt, also while it waits for the agent to come up."""
        self._cancelled = True
        if self._starting is not None:
            self._starting.cancel()
        elif self._conversation is not None:
            await self._conversation.cancel()

    async def close(self) -> None:
        """Close the conversation, if there is one."""
        if self._conversation is not None:
            await self._conversation.close()

    async def _begin(self) -> Conversation | None:
        self._starting = asyncio.ensure_future(self._start())
        try:
            return await self._starting
        except asyncio.CancelledError:
            if not self._cancelled:
                raise
            return None
        finally:
            self._starting = None
