"""A call by hand from the terminal: progress and questions on it, Ctrl+C cancels."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from app.agents.mcp.calling import Called, Caller
from app.agents.mcp.consent import DECLINED, Consent, Elicitation, Elicited, Refusing, Sampled, Sampling
from app.agents.mcp.schema import fields_of, parse_arguments
from app.agents.mcp.sessions import session_for
from app.cli.call import Call
from app.cli.errors import UsageError
from app.cli.terminal import on_interrupt
from app.cli.terminal_form import agrees, fill_in
from app.cli.text import printable
from app.errors import NotFound, UserError

if TYPE_CHECKING:
    from app.agents.mcp.connection import Connection
    from app.agents.mcp.pool import ServerPool
    from app.agents.mcp.results import ToolInfo
    from app.workspace import Workspace

MOST_ARGUMENTS = 16 << 20


def given_arguments(text: str | None) -> dict[str, Any]:
    """The arguments of the command line; '-' reads them from standard input."""
    if text == "-":
        text = sys.stdin.read(MOST_ARGUMENTS)
    try:
        return parse_arguments(text or "")
    except UserError as error:
        raise UsageError(str(error)) from error


async def call_by_hand(
    call: Call,
    pool: ServerPool,
    workspace: Workspace,
    server: str,
    tool: str,
    arguments: Mapping[str, Any],
    *,
    session: str | None,
    new: bool,
) -> Called:
    """Call a tool and record that. Raises NotFound for an unknown server or session, KeyboardInterrupt on Ctrl+C."""
    await pool.registry.config(server)
    chosen = await session_for(workspace, server, wanted=session, new=new)
    consent: Consent = TerminalConsent(workspace) if call.has_person else Refusing()
    caller = Caller(workspace, chosen, workspace.clock, consent)
    with call.out.activity() as activity:

        def tell(done: float, total: float | None, said: str) -> None:
            activity.say(printable(said) or f"{server}: {tool}", round(done), round(total or 0))

        async def opening() -> Connection:
            connection = await pool.connection(server)
            _find_tool(server, tool, await connection.tools())
            return connection

        work = asyncio.ensure_future(caller.call(opening, server, tool, arguments, on_progress=tell))

        async def stop() -> None:
            work.cancel()

        async with on_interrupt(stop):
            await asyncio.wait([work])
    if work.cancelled():
        raise KeyboardInterrupt
    return work.result()


def _find_tool(server: str, tool: str, tools: Sequence[ToolInfo]) -> None:
    names = [one.name for one in tools]
    if tool not in names:
        raise NotFound(f"The MCP server '{server}' has no tool '{tool}'.", candidates=names)


class TerminalConsent:
    """Asks on the terminal; the end of input declines."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    async def elicit(self, wanted: Elicitation) -> Elicited:
        """See `app.agents.mcp.consent.Consent`."""
        what = f" at {printable(wanted.url)}" if wanted.url else ""
        if not await agrees(f"{wanted.server} asks{what}: {printable(wanted.message)}\nAnswer?"):
            return DECLINED
        if wanted.url:
            return Elicited("accept")
        values = await fill_in(fields_of(wanted.schema) or [])
        return Elicited("cancel") if values is None else Elicited("accept", values)

    async def sample(self, wanted: Sampling) -> Sampled | None:
        """See `app.agents.mcp.consent.Consent`: the default agent answers."""
        from app.agents.mcp.sampling import answer_sampling
        from app.agents.registry import AgentRegistry

        with closing(AgentRegistry(self._workspace)) as agents:
            name = (await agents.names())[0]
            question = f"{wanted.server} wants an answer of {name} to:\n{printable(wanted.text())}\nLet it be answered?"
            if not await agrees(question):
                return None
            return await answer_sampling(await agents.backend(name), wanted, self._workspace.clock)
