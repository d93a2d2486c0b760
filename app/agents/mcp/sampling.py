"""A server's request for a model's answer, given by one of the configured agents without tools."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from app.agents.backend import AgentBackend, PromptText, SessionContext, TextDelta
from app.agents.history import cut_middle
from app.agents.mcp.consent import Sampled, Sampling
from app.errors import AgentError

if TYPE_CHECKING:
    from sync.clock import Clock

_MOST_PROMPT = 60_000
_CHARACTERS_PER_TOKEN = 4
_MOST_TOKENS = 8_192


async def answer_sampling(backend: AgentBackend, wanted: Sampling, clock: Clock) -> Sampled:
    """The agent's answer, about as long as the server wants it. Raises AgentError."""
    from app.agents.task import refuse

    async def keep(_data: bytes, _name: str) -> NoReturn:
        raise AgentError(f"The agent '{backend.name}' sent a file where an answer was asked for.")

    most = min(max(wanted.max_tokens, 1), _MOST_TOKENS) * _CHARACTERS_PER_TOKEN
    text, conversation = "", await backend.start(SessionContext(ask=refuse, keep=keep, clock=clock))
    try:
        async for update in conversation.prompt([PromptText(cut_middle(wanted.text(), _MOST_PROMPT))]):
            if isinstance(update, TextDelta) and update.kind == "agent_message":
                text += update.text
            if len(text) >= most:
                await conversation.cancel()
    finally:
        await conversation.close()
    return Sampled(text[:most].strip(), backend.model or backend.name)
