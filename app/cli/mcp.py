"""`lovelace mcp …`: MCP servers, their tools, and calls by hand."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from app.cli.call import Call, call_of, working_folder
from app.cli.declared import group
from app.cli.errors import DONE, FAILED, UsageError
from app.errors import UserError

if TYPE_CHECKING:
    from app.agents.mcp.calling import Called
    from app.agents.mcp.config import ServerConfig
    from app.agents.mcp.files import FoundServers
    from app.agents.mcp.pool import ServerPool
    from app.agents.mcp.servers import ServerRegistry
    from app.workspace import Workspace

cli = group("MCP servers: tools for you and for agents. 'serve' makes Lovelace one itself.")

T = TypeVar("T")
Server = Annotated[str, typer.Argument(metavar="SERVER", help="The server's name.")]
Session = Annotated[str | None, typer.Option(metavar="ID", help="The mcp session that the call is recorded in.")]


@cli.command("list")
def list_servers(context: typer.Context) -> None:
    """List the servers that were added."""
    call = call_of(context)
    rows = [_to_json(config) for config in _with_registry(call, lambda servers: servers.configured())]
    if call.out.json:
        call.out.value(rows)
        return
    table = ((row["name"], row["transport"], row["where"], "" if row["agents"] else "not for agents") for row in rows)
    call.out.table(["NAME", "KIND", "WHERE", ""], table)


@cli.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="How to call the server.")],
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[-- COMMAND ARG…]", help="A program that speaks MCP.")
    ] = None,
    url: Annotated[str | None, typer.Option(metavar="URL", help="An address that speaks streamable HTTP.")] = None,
    env: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[=VALUE]", help="A variable for the program; without a value, your own one."),
    ] = None,
    header: Annotated[
        list[str] | None, typer.Option(metavar="NAME: VALUE", help="A header for the address; kept in the keyring.")
    ] = None,
    cwd: Annotated[Path | None, typer.Option(metavar="DIR", help="Where the program starts.")] = None,
) -> None:
    """Configure a server, or configure it anew. What looks like a token goes into the keyring."""
    from app.agents.mcp.config import ServerConfig
    from app.agents.mcp.secret_values import part

    if (url is None) == (not command):
        raise UsageError("Give either a command after '--', or --url URL.")
    words = command or []
    folder = cwd.absolute() if cwd else _folder_of(words)
    config = ServerConfig(
        name=name,
        command=words[0] if words else None,
        args=tuple(words[1:]),
        env=dict(_variable(word) for word in env or ()),
        cwd=str(folder) if folder else None,
        url=url,
        headers=dict(_header(word) for word in header or ()),
    )
    call = call_of(context)
    _with_registry(call, lambda servers: servers.add(config))
    if call.out.json:
        call.out.value(_to_json(part(config)[0]))
    else:
        call.out.line(f"{name} is added. 'lovelace mcp tools {name}' shows what it can do.")


@cli.command("import")
def import_servers(
    context: typer.Context,
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE…]", help="Without one: those of Claude, VS Code and Cursor.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would come.")] = False,
) -> None:
    """Take over servers from the files of Claude Desktop, VS Code and others."""
    from app.agents.mcp.files import known_files, read_servers

    paths = files or known_files()
    if not paths:
        raise UserError("No file with MCP servers was found. Name one: lovelace mcp import FILE")
    call = call_of(context)
    found = [read_servers(path) for path in paths]

    async def take(servers: ServerRegistry) -> dict[str, list[ServerConfig]]:
        states = await servers.compare(one for file in found for one in file.servers)
        if not dry_run:
            await servers.add(*states["new"], *states["changed"])
        return states

    _tell_imported(call, found, _with_registry(call, take))


@cli.command()
def remove(context: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Forget a server and its secrets; sessions stay."""
    call = call_of(context)
    _with_registry(call, lambda servers: servers.remove(name))
    call.out.done([name], f"{name} is forgotten.")


@cli.command()
def tools(context: typer.Context, server: Server) -> None:
    """List the tools of a server."""
    call = call_of(context)

    async def look(pool: ServerPool, _workspace: Workspace) -> list[Any]:
        return await (await pool.connection(server)).tools()

    found = _with_pool(call, look)
    if call.out.json:
        call.out.value([tool.to_json() for tool in found])
        return
    rows = ((tool.name, " ".join((tool.description or tool.title).split())) for tool in found)
    call.out.table(["NAME", "DESCRIPTION"], rows)


@cli.command("call")
def call_tool(
    context: typer.Context,
    server: Server,
    tool: Annotated[str, typer.Argument(metavar="TOOL", help="The tool's name.")],
    arguments: Annotated[str | None, typer.Argument(metavar="[JSON]", help="Its arguments, '-' reads them.")] = None,
    session: Session = None,
    new: Annotated[bool, typer.Option("--new", help="Record the call in a new session.")] = False,
) -> int:
    """Call a tool; the call is recorded in the server's mcp session. Exit code 1 where the tool reports an error."""
    from app.cli.mcp_call import call_by_hand, given_arguments

    if session is not None and new:
        raise UsageError("Give --session or --new, not both.")
    call = call_of(context)
    values = given_arguments(arguments)

    async def work(pool: ServerPool, workspace: Workspace) -> Called:
        return await call_by_hand(call, pool, workspace, server, tool, values, session=session, new=new)

    called = _with_pool(call, work)
    if called.error is not None:
        raise called.error
    assert called.answer is not None
    if call.out.json:
        call.out.value(
            {
                "session": called.session,
                "event": called.event,
                "is_error": called.answer.is_error,
                "content": list(called.answer.content),
                "structured_content": called.answer.structured,
            }
        )
    else:
        call.out.line(called.answer.text())
    return FAILED if called.answer.is_error else DONE


@cli.command()
def serve(
    context: typer.Context,
    http: Annotated[bool, typer.Option("--http", help="Over HTTP on this computer, with a token.")] = False,
    port: Annotated[int, typer.Option(metavar="N", min=0, help="With --http; 0 takes any that is free.")] = 0,
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --http: the token, made where the file is not there.")
    ] = None,
) -> None:
    """Let agents search and read the sessions of this workspace, and no other; over stdin and stdout, or HTTP."""
    if (port or token_file) and not http:
        raise UsageError("--port and --token-file go with --http.")
    from app.cli.mcp_serve import serve_over_http, serve_over_stdio

    call = call_of(context)
    with call.workspace() as workspace:
        if http:
            serve_over_http(call, workspace, port, token_file)
        else:
            serve_over_stdio(workspace)


def _with_registry(call: Call, work: Callable[[ServerRegistry], Awaitable[T]]) -> T:
    import asyncio

    from app.agents.mcp.servers import ServerRegistry

    async def run(workspace: Workspace) -> T:
        return await work(ServerRegistry(workspace))

    with call.workspace() as workspace:
        return asyncio.run(run(workspace))


def _with_pool(call: Call, work: Callable[[ServerPool, Workspace], Awaitable[T]]) -> T:
    import asyncio

    from app.agents.mcp.pool import ServerPool
    from app.agents.mcp.servers import ServerRegistry

    async def run(workspace: Workspace) -> T:
        folders = await workspace.read_async(lambda queries: queries.folders())
        pool = ServerPool(ServerRegistry(workspace), folders=folders)
        try:
            return await work(pool, workspace)
        finally:
            await pool.close()

    with call.workspace() as workspace:
        return asyncio.run(run(workspace))


def _folder_of(words: list[str]) -> Path | None:
    """The current directory, where a word of the command names something in it."""
    here = working_folder()
    if here is None:
        return None
    files = [word for word in words[:1] if "/" in word] + words[1:]
    relative = [word for word in files if word and not word.startswith(("-", "/"))]
    return here if any((here / word).exists() for word in relative) else None


def _variable(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals:
        if name not in os.environ:
            raise UserError(f"There is no variable {name} here to take over; give --env {name}=VALUE.")
        value = os.environ[name]
    return name, value


def _header(word: str) -> tuple[str, str]:
    name, colon, value = word.partition(":")
    if not colon:
        raise UsageError(f"A header is 'NAME: VALUE', not {word!r}.")
    return name.strip(), value.strip()


def _tell_imported(call: Call, found: list[FoundServers], states: dict[str, list[ServerConfig]]) -> None:
    skipped = [one for file in found for one in file.skipped]
    names = {state: [config.name for config in configs] for state, configs in states.items()}
    if call.out.json:
        call.out.value({**names, "skipped": [{"name": one.name, "reason": one.reason} for one in skipped]})
        return
    for state, word in (("new", "new"), ("changed", "configured anew"), ("unchanged", "as it is")):
        for name in names[state]:
            call.out.line(f"{name}: {word}")
    for file in found:
        for name, note in file.notes.items():
            call.out.remark(f"{name}: {note}")
    for one in skipped:
        call.out.remark(f"{one.name} is left out. {one.reason}")


def _to_json(config: ServerConfig) -> dict[str, Any]:
    return {
        "id": config.name,
        "name": config.name,
        "transport": "http" if config.url is not None else "stdio",
        "where": config.where(),
        "command": config.command,
        "args": list(config.args),
        "env": dict(config.env),
        "cwd": config.cwd,
        "url": config.url,
        "headers": dict(config.headers),
        "agents": config.agents,
    }
