"""Answers what a server asks of its client, in the library's terms: forms, models, folders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mcp_types as types

from app.agents.mcp.clock import Clocks
from app.agents.mcp.consent import Consent, Elicitation, Sampling
from app.errors import UserError

if TYPE_CHECKING:
    from mcp.client.session import ClientRequestContext

_MOST = 8_000
"""Characters of a question that are shown to the person."""
_MOST_MESSAGES = 100


class Asked:
    """The callbacks of one connection. consent: who is asked now. clocks: stand still meanwhile."""

    def __init__(self, server: str, consent: Callable[[], Consent], clocks: Clocks, roots: Sequence[Path]) -> None:
        self._server = server
        self._consent = consent
        self._clocks = clocks
        self._roots = roots

    @staticmethod
    def client_info() -> types.Implementation:
        """Who calls."""
        from importlib.metadata import PackageNotFoundError, version

        try:
            number = version("lovelace")
        except PackageNotFoundError:
            number = "0"
        return types.Implementation(name="lovelace", title="Lovelace", version=number)

    async def elicit(
        self, context: ClientRequestContext, params: types.ElicitRequestParams
    ) -> types.ElicitResult | types.ErrorData:
        """A form, or a page to visit."""
        schema = {} if isinstance(params, types.ElicitRequestURLParams) else _plain(params.requested_schema)
        url = params.url if isinstance(params, types.ElicitRequestURLParams) else ""
        with self._clocks.paused():
            answer = await self._consent().elicit(Elicitation(self._server, params.message[:_MOST], schema, url))
        values = dict(answer.values or {}) if answer.action == "accept" and not url else None
        return types.ElicitResult(action=answer.action, content=values)

    async def sample(
        self, context: ClientRequestContext, params: types.CreateMessageRequestParams
    ) -> types.CreateMessageResult | types.ErrorData:
        """An answer of a model."""
        messages = tuple((message.role, _text(message.content)) for message in params.messages[:_MOST_MESSAGES])
        wanted = Sampling(self._server, messages, params.system_prompt or "", params.max_tokens)
        try:
            with self._clocks.paused():
                sampled = await self._consent().sample(wanted)
        except UserError as error:
            return types.ErrorData(code=types.INTERNAL_ERROR, message=str(error))
        if sampled is None:
            return types.ErrorData(code=-1, message="The person declined.")
        content = types.TextContent(type="text", text=sampled.text)
        return types.CreateMessageResult(role="assistant", content=content, model=sampled.model, stop_reason="endTurn")

    async def list_roots(self, context: ClientRequestContext) -> types.ListRootsResult | types.ErrorData:
        """The folders of the workspace."""
        roots = [types.Root.model_validate({"uri": root.as_uri(), "name": root.name}) for root in self._roots]
        return types.ListRootsResult(roots=roots)


def _plain(schema: Any) -> dict[str, Any]:
    """A schema as a dictionary, whichever form the library has it in."""
    if isinstance(schema, dict):
        return schema
    dumped: dict[str, Any] = schema.model_dump(by_alias=True, mode="json", exclude_none=True)
    return dumped


def _text(content: Any) -> str:
    blocks = content if isinstance(content, list) else [content]
    return "\n".join(getattr(block, "text", f"[{block.type}]") for block in blocks)
