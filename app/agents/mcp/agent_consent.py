"""What a server asks in the middle of an agent's call: put to the person as a permission, where there is one.

A permission is a yes or a no. So a form is only sent when it can go out with what it proposes itself.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from app.agents.history import cut_middle
from app.agents.mcp.consent import DECLINED, Elicitation, Elicited, Sampled, Sampling
from app.agents.mcp.schema import fields_of
from app.agents.tools.tool import Site
from app.sessions.events import Notice, PermissionRequest

Sample = Callable[[Sampling], Awaitable[Sampled]]
"""Lets the session's model answer."""
_TITLE = 200


class AgentConsent:
    """Asks through the site of a call. sample: None where no model is there to answer."""

    def __init__(self, site: Site, sample: Sample | None) -> None:
        self._site = site
        self._sample = sample

    async def elicit(self, wanted: Elicitation) -> Elicited:
        """See `Consent`: accepted with the values that the form proposes."""
        fields = fields_of(wanted.schema) or []
        values = {field.name: field.default for field in fields if field.default is not None}
        if wanted.url or any(field.required and field.name not in values for field in fields):
            self._site.emit(
                Notice(text=f"{wanted.server} asked for what only a person can fill in: {wanted.message}"[:1_000])
            )
            return DECLINED
        agreed = await self._ask("elicitation", f"Tell {wanted.server}: {wanted.message}", dict(values))
        return Elicited("accept", values) if agreed else DECLINED

    async def sample(self, wanted: Sampling) -> Sampled | None:
        """See `Consent`: the session's own model answers."""
        if self._sample is None:
            return None
        shown = {"text": cut_middle(wanted.text(), 20_000), "max_tokens": wanted.max_tokens}
        if not await self._ask("sampling", f"Let {wanted.server} ask the model: {wanted.text()}", shown):
            return None
        sampled = await self._sample(wanted)
        self._site.emit(Notice(text=f"{sampled.model} answered {wanted.server}.", data={"text": sampled.text}))
        return sampled

    async def _ask(self, name: str, title: str, shown: dict[str, Any]) -> bool:
        """Whether the person agrees; nobody there: no. It is asked each time."""
        if self._site.ask is None:
            return False
        line = " ".join(title.split())
        request = PermissionRequest(
            request_id="request_" + secrets.token_hex(8),
            call_id=self._site.call_id,
            name=name,
            title=line if len(line) <= _TITLE else line[:_TITLE] + "…",
            input=shown,
        )
        self._site.emit(request)
        answered = await self._site.ask(request)
        if not answered.recorded:
            self._site.emit(answered.answer)
        return answered.answer.answer != "reject"
