"""One question to an agent beside the conversation: without history, without tools, and nothing of it is recorded."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from app.agents.backend import AgentBackend, PromptText, SessionContext, TextDelta
from app.errors import AgentError
from app.sessions.events import BlobRef, PermissionAnswer, PermissionRequest
from sync.clock import SystemClock

if TYPE_CHECKING:
    from app.agents.backend import Answered


async def ask_once(backend: AgentBackend, question: str) -> str:
    """What the agent answers. Raises AgentError."""
    conversation = await backend.start(SessionContext(ask=_refuse, keep=_keep_nothing, clock=SystemClock()))
    said: list[str] = []
    try:
        async with aclosing(conversation.prompt([PromptText(question)])) as updates:
            async for update in updates:
                if isinstance(update, TextDelta) and update.kind == "agent_message":
                    said.append(update.text)
    finally:
        await conversation.close()
    return "".join(said)


async def _refuse(request: PermissionRequest) -> Answered:
    from app.agents.backend import Answered

    return Answered(PermissionAnswer(request_id=request.request_id, answer="reject", reason="nobody is asked"))


async def _keep_nothing(data: bytes, name: str) -> BlobRef:
    raise AgentError("A question beside the conversation needs no files.")
