"""What a server asks in the middle of an agent's call: put to the person as a permission, where there is one.

A form is filled in where the permission is given: in the window, at the terminal, or on another device of the person.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from app.agents.history import cut_middle
from app.agents.mcp.asked_form import ELICITATION, request_input
from app.agents.mcp.consent import DECLINED, Elicitation, Elicited, Sampled, Sampling
from app.agents.mcp.schema import fields_of, unfit_values
from app.agents.tools.tool import Site
from app.sessions.events import Notice, PermissionAnswer, PermissionRequest

Sample = Callable[[Sampling], Awaitable[Sampled]]
"""Lets the session's model answer."""
_TITLE = 200


class AgentConsent:
    """Asks through the site of a call. sample: None where no model is there to answer."""

    def __init__(self, site: Site, sample: Sample | None) -> None:
        self._site = site
        self._sample = sample

    async def elicit(self, wanted: Elicitation) -> Elicited:
        """See `Consent`: accepted with what the person fills in, or else with the values that the form proposes."""
        if wanted.url:
            self._note(
                f"{wanted.server} asked for a page to be visited, which only a call by hand can do: {wanted.url}"
            )
            return DECLINED
        title = f"{wanted.server} asks for values: {wanted.message}"
        answer = await self._ask(ELICITATION, title, request_input(wanted))
        if answer is None or answer.answer == "reject":
            return DECLINED
        values = _proposed(wanted) if answer.values is None else answer.values
        if problem := unfit_values(wanted.schema, values):
            self._note(f"What was filled in for {wanted.server} does not fit: {problem}")
            return Elicited("cancel")
        return Elicited("accept", values)

    def _note(self, text: str) -> None:
        self._site.emit(Notice(text=text[:1_000], level="warning"))

    async def sample(self, wanted: Sampling) -> Sampled | None:
        """See `Consent`: the session's own model answers."""
        if self._sample is None:
            return None
        shown = {"text": cut_middle(wanted.text(), 20_000), "max_tokens": wanted.max_tokens}
        answer = await self._ask("sampling", f"Let {wanted.server} ask the model: {wanted.text()}", shown)
        if answer is None or answer.answer == "reject":
            return None
        sampled = await self._sample(wanted)
        self._site.emit(Notice(text=f"{sampled.model} answered {wanted.server}.", data={"text": sampled.text}))
        return sampled

    async def _ask(self, name: str, title: str, shown: dict[str, Any]) -> PermissionAnswer | None:
        """What the person says; None: nobody is there. It is asked each time."""
        if self._site.ask is None:
            return None
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
        return answered.answer


def _proposed(wanted: Elicitation) -> dict[str, Any]:
    """The values that the form proposes itself."""
    return {field.name: field.default for field in fields_of(wanted.schema) or () if field.default is not None}
