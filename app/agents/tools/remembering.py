"""The tool by which an agent proposes what the workspace should remember. Nothing counts before its person accepts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from msgspec import Meta

from app.agents.tools.failure import ToolFailure
from app.agents.tools.tool import Arguments, Site, Tool
from app.errors import UserError
from sync.errors import SyncError

NAME = "remember"
Propose = Callable[[str, Literal["fact", "decision"]], Awaitable[object]]
"""(text, kind): keeps a proposal. Raises UserError or SyncError."""


class RememberArguments(Arguments, frozen=True):
    """Arguments of the tool."""

    text: Annotated[
        str, Meta(min_length=1, max_length=1000, description="One sentence that is understood without this session.")
    ]
    kind: Annotated[
        Literal["fact", "decision"], Meta(description="decision: what the user has decided; fact: what is so.")
    ] = "fact"


def remember_tool(propose: Propose) -> Tool[RememberArguments]:
    """The tool for one session."""

    async def perform(_site: Site, arguments: RememberArguments) -> str:
        try:
            await propose(arguments.text, arguments.kind)
        except (UserError, SyncError) as error:
            raise ToolFailure(str(error)) from error
        return "Proposed. It counts once the user has accepted it."

    return Tool(
        name=NAME,
        description=(
            "Propose that this workspace remembers a fact or a decision which later sessions need and which the files "
            "do not say. Use it rarely."
        ),
        kind="think",
        arguments=RememberArguments,
        title=lambda arguments: f"Remember: {arguments.text}",
        perform=perform,
    )
