"""The tools of configured servers in the hands of agents: offered beside our own, with the same permission and record.

A server that cannot be reached is a notice of the session; the agent goes on without it. What servers say of their
tools goes to the model as it is, within bounds; what they want of the person goes through permission.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import msgspec

from app.agents.backend import AgentBackend, KeepBlob, OutputDelta, SessionContext
from app.agents.history import cut_middle
from app.agents.mcp.agent_consent import AgentConsent, Sample
from app.agents.mcp.calling import kept_content, tool_name
from app.agents.mcp.config import ServerConfig
from app.agents.mcp.connection import Connection
from app.agents.mcp.consent import Sampled, Sampling
from app.agents.mcp.model_schema import model_schema
from app.agents.mcp.pool import ServerPool
from app.agents.mcp.results import Answer, ToolInfo
from app.agents.mcp.sampling import answer_sampling
from app.agents.rules import Rules
from app.agents.tools.failure import ToolFailure
from app.agents.tools.tool import Arguments, Site, Tool, ToolReply
from app.errors import UserError
from app.sessions.events import Body, Notice

CONNECT_SECONDS = 15.0
"""A turn waits so long for a server; one that takes longer is left out of it."""
MOST_TOOLS = 128
MOST_CHARACTERS = 60_000
"""Of names, descriptions and schemas of all tools together: they take room in the model's window."""
_DESCRIPTION = 1_200
_NAME = 64
"""The longest name of a tool that all providers take."""

Note = Callable[[Body], Awaitable[object]]


class Given(Arguments, frozen=True):
    """Arguments of a server's tool, which the server checks."""

    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ServerTool(Tool[Given]):
    """A tool of a server. input_schema: what the model is told of its arguments."""

    input_schema: Mapping[str, Any] | None = None

    def schema(self) -> dict[str, Any]:
        """See `Tool`."""
        return dict(self.input_schema or {})

    def parse(self, arguments: Any) -> Given:
        """See `Tool`; anything that is an object is sent on."""
        return msgspec.convert({"values": {} if arguments is None else arguments}, Given)


async def with_servers(backend: AgentBackend, context: SessionContext, pool: ServerPool, note: Note) -> SessionContext:
    """The context of an agent that has the tools of the configured servers too. note: records what was wrong."""

    async def sample(wanted: Sampling) -> Sampled:
        return await answer_sampling(backend, wanted, context.clock)

    tools, problems = await server_tools(pool, context.rules, sample)
    for problem in problems:
        await note(Notice(text=problem, level="warning"))
    return replace(context, more_tools=(*context.more_tools, *tools))


async def server_tools(
    pool: ServerPool, rules: Rules, sample: Sample | None = None
) -> tuple[list[ServerTool], list[str]]:
    """The tools of all servers that agents may use and that the rules allow, and what was wrong with others."""
    servers = [one for one in await pool.registry.configured() if one.agents and rules.allow_server(one.name)]
    read = await asyncio.gather(*(_read(pool, server) for server in servers), return_exceptions=True)
    tools: list[ServerTool] = []
    problems: list[str] = []
    room = MOST_CHARACTERS
    for server, found in zip(servers, read, strict=True):
        if isinstance(found, UserError):
            problems.append(f"{found} The agent goes on without its tools.")
            continue
        if isinstance(found, BaseException):
            raise found
        made = [_tool(pool, server.name, info, sample) for info in found]
        taken = _fitting(made, room, MOST_TOOLS - len(tools))
        room -= sum(map(_size, taken))
        tools += taken
        if len(taken) < len(made):
            problems.append(f"Of the MCP server '{server.name}' {len(made) - len(taken)} tools are left out: too many.")
    return _distinct(tools), problems


async def _read(pool: ServerPool, server: ServerConfig) -> list[ToolInfo]:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await (await pool.connection(server.name)).tools()
    except TimeoutError as error:
        raise UserError(f"The MCP server '{server.name}' was not ready within {CONNECT_SECONDS:g} seconds.") from error


def _tool(pool: ServerPool, server: str, info: ToolInfo, sample: Sample | None) -> ServerTool:
    schema, hint = model_schema(info.input_schema)
    about = cut_middle(" ".join(part for part in (info.description or info.title, hint) if part), _DESCRIPTION)
    return ServerTool(
        name=model_name(server, info.name),
        description=f"[{server}] {about}",
        kind="other",
        arguments=Given,
        title=lambda _given: f"{server}: {info.title}",
        perform=partial(_perform, pool, server, info.name, sample),
        input_schema=schema,
    )


async def _perform(
    pool: ServerPool, server: str, tool: str, sample: Sample | None, site: Site, given: Given
) -> ToolReply:
    try:
        connection = await pool.connection(server)
        answer = await _call(connection, tool, sample, site, given)
    except UserError as error:
        raise ToolFailure(str(error)) from error
    if answer.is_error:
        raise ToolFailure(answer.text() or "The tool reports an error and says nothing about it.")
    return ToolReply(answer.text() or "(nothing)", await kept_content(answer, _keep(site.keep)))


async def _call(connection: Connection, tool: str, sample: Sample | None, site: Site, given: Given) -> Answer:
    def tell(done: float, total: float | None, said: str) -> None:
        of = "" if total is None else f" of {total:g}"
        site.emit(OutputDelta(site.call_id, "stdout", f"{said} ({done:g}{of})\n".lstrip()))

    with connection.asking(AgentConsent(site, sample)):
        return await connection.call(tool, given.values, on_progress=tell)


def _keep(keep: KeepBlob) -> Callable[[bytes, str, str | None], Awaitable[Any]]:
    async def kept(data: bytes, name: str, _media_type: str | None) -> Any:
        return await keep(data, name)

    return kept


def model_name(server: str, tool: str) -> str:
    """The name by which a model knows a tool; unlike others, whatever characters it is made of."""
    whole = tool_name(server, tool)
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", whole)
    if plain == whole and len(plain) <= _NAME:
        return plain
    mark = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{plain[: _NAME - 9]}_{mark}"


def _fitting(tools: Sequence[ServerTool], room: int, count: int) -> list[ServerTool]:
    """The first tools that fit."""
    taken: list[ServerTool] = []
    for tool in tools[: max(count, 0)]:
        room -= _size(tool)
        if room < 0:
            break
        taken.append(tool)
    return taken


def _size(tool: ServerTool) -> int:
    return len(json.dumps([tool.name, tool.description, tool.schema()]))


def _distinct(tools: Sequence[ServerTool]) -> list[ServerTool]:
    """One of each name: a server may list a tool twice."""
    return list({tool.name: tool for tool in reversed(tools)}.values())[::-1]
