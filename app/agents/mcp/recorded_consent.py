"""Records in the session what a server asks of the person, and what it was told."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from app.agents.history import cut_middle
from app.agents.mcp.asked_form import ELICITATION, request_input
from app.agents.mcp.consent import DECLINED, Consent, Elicitation, Elicited, Sampled, Sampling
from app.agents.mcp.schema import unfit_values
from app.errors import UserError
from app.sessions.events import Body, Notice, PermissionAnswer, PermissionRequest

Record = Callable[[Body], Awaitable[object]]
_TITLE = 200


class RecordedConsent:
    """Asks as `inner` does, during the call `call_id`."""

    def __init__(self, inner: Consent, record: Record, call_id: str) -> None:
        self._inner = inner
        self._record = record
        self._call = call_id

    async def elicit(self, wanted: Elicitation) -> Elicited:
        """See `Consent`. Values that are not what the server asks for are not sent."""
        what = "to visit a page" if wanted.url else "for values"
        title = f"{wanted.server} asks {what}: {wanted.message}"
        request = await self._ask(ELICITATION, title, request_input(wanted))
        answer = DECLINED
        try:
            answer = await self._inner.elicit(wanted)
            if answer.action == "accept" and (problem := unfit_values(wanted.schema, answer.values or {})):
                await self._record(Notice(text=f"What was filled in does not fit: {problem}", level="warning"))
                answer = Elicited("cancel")
        finally:
            await self._answered(request, answer.action == "accept")
        if answer.action == "accept" and answer.values:
            await self._record(Notice(text=f"{wanted.server} was told what it asked for.", data=dict(answer.values)))
        return answer

    async def sample(self, wanted: Sampling) -> Sampled | None:
        """See `Consent`."""
        fields = {"text": cut_middle(wanted.text(), 20_000), "max_tokens": wanted.max_tokens}
        request = await self._ask("sampling", f"{wanted.server} wants a model to answer: {wanted.text()}", fields)
        sampled: Sampled | None = None
        agreed = False
        try:
            sampled = await self._inner.sample(wanted)
            agreed = sampled is not None
        except UserError:
            agreed = True
            raise
        finally:
            await self._answered(request, agreed)
        if sampled is not None:
            await self._record(Notice(text=f"{sampled.model} answered {wanted.server}.", data={"text": sampled.text}))
        return sampled

    async def _ask(self, name: str, title: str, fields: dict[str, Any]) -> str:
        request = "request_" + secrets.token_hex(8)
        line = " ".join(title.split())
        title = line if len(line) <= _TITLE else line[:_TITLE] + "…"
        await self._record(
            PermissionRequest(request_id=request, call_id=self._call, name=name, title=title, input=fields)
        )
        return request

    async def _answered(self, request: str, agreed: bool) -> None:
        await self._record(PermissionAnswer(request_id=request, answer="once" if agreed else "reject"))
