"""`lovelace agents …`: who can answer."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from app.cli.call import Call, call_of
from app.cli.declared import group
from app.cli.errors import UsageError
from app.errors import UserError

if TYPE_CHECKING:
    from app.agents.registry import AgentConfig, AgentRegistry
    from app.agents.trying import Tried
    from app.workspace import Workspace

cli = group("Agents: who can answer. 'local' (the embedded model) and 'scripted' are always there.")

T = TypeVar("T")
Name = Annotated[str, typer.Argument(metavar="NAME", help="The agent's name.")]


@cli.command("list")
def list_agents(context: typer.Context) -> None:
    """List the agents; the first is the default."""
    from app.agents.acp.known import installed

    call = call_of(context)

    async def look(agents: AgentRegistry, _workspace: Workspace) -> list[AgentConfig]:
        return [await agents.config(name) for name in await agents.names()]

    rows = [_to_json(config) | {"default": number == 0} for number, config in enumerate(_with_agents(call, look))]
    if call.out.json:
        call.out.value(rows)
        return
    call.out.table(
        ["", "NAME", "KIND", "MODEL", "WHERE"],
        (
            (
                "*" if row["default"] else "",
                row["name"],
                row["kind"],
                row["model"] or "",
                row["url"] or row["script"] or " ".join(row["command"] or ()),
            )
            for row in rows
        ),
    )
    added = {tuple(row["command"]) for row in rows if row["command"]}
    if found := [agent for agent in installed() if agent.command not in added]:
        call.out.remark(
            f"Installed here and not added: {', '.join(agent.name for agent in found)}. 'lovelace agents add "
            f"{found[0].name}' adds one."
        )


@cli.command()
def add(
    context: typer.Context,
    name: Name,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="An OpenAI-compatible server, such as Ollama or llama.cpp.")
    ] = None,
    provider: Annotated[Literal["anthropic", "openai"] | None, typer.Option(help="A provider of models.")] = None,
    script: Annotated[Path | None, typer.Option(metavar="FILE", help="A JSON list of turns, for tests.")] = None,
    model: Annotated[str | None, typer.Option(metavar="M", help="The model's name.")] = None,
    key_fd: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="Read the key from this descriptor into the keyring."),
    ] = None,
    mode: Annotated[
        str | None, typer.Option(metavar="M", help="The mode of an external agent; without it, one in which it asks.")
    ] = None,
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="-- COMMAND ARG…", help="A program that is an agent and speaks ACP."),
    ] = None,
) -> None:
    """Configure an agent, or configure it anew. NAME alone adds an external agent that 'agents list' has found."""
    from app.agents.registry import AgentConfig

    words = tuple(command or ())
    if not words and [url, provider, script].count(None) == 3:
        words = _found_command(name)
    if [url, provider, script, words or None].count(None) != 3:
        raise UsageError("Give one of --url URL, --provider anthropic|openai, --script FILE and -- COMMAND ARG….")
    if script is not None and (model is not None or key_fd is not None):
        raise UsageError("An agent with a script has neither --model nor --key-fd.")
    if words and key_fd is not None:
        raise UsageError("An external agent keeps its keys itself; it has no --key-fd.")
    if mode is not None and not words:
        raise UsageError("Only an external agent has a --mode.")
    if script is None and not words and not model:
        raise UsageError("The name of a model is missing: --model M.")
    call = call_of(context)
    config = AgentConfig(
        name=name,
        kind="acp" if words else provider or ("scripted" if script else "openai-compatible"),
        url=url,
        model=model,
        script=str(script.absolute()) if script else None,
        command=words,
        mode=mode,
    )
    key = _read_key(key_fd) if key_fd is not None else None
    _with_agents(call, lambda agents, _workspace: agents.add(config, key))
    if call.out.json:
        call.out.value(_to_json(config))
    else:
        call.out.line(f"{name} can answer now. 'lovelace agents test {name}' tries it.")


@cli.command()
def remove(context: typer.Context, name: Name) -> None:
    """Forget an agent and its key; sessions stay."""
    call = call_of(context)
    _with_agents(call, lambda agents, _workspace: agents.remove(name))
    call.out.done([name], f"{name} is forgotten.")


@cli.command()
def test(context: typer.Context, name: Name) -> None:
    """Ask an agent for one word; nothing is recorded."""
    from app.agents.trying import try_agent

    call = call_of(context)

    async def ask(agents: AgentRegistry, workspace: Workspace) -> Tried:
        return await try_agent(await agents.backend(name), workspace.clock)

    tried = _with_agents(call, ask)
    choices = {"models": list(tried.models), "modes": list(tried.modes)}
    call.out.done([name], f"{name} answers: {tried.answer}", text=tried.answer, **choices)
    for what, names in choices.items() if not call.out.json else ():
        if names:
            call.out.remark(f"Its {what}: {', '.join(names[:20])}{', …' if len(names) > 20 else ''}")


@cli.command()
def titles(
    context: typer.Context,
    choice: Annotated[
        Literal["on", "off"] | None, typer.Argument(metavar="[on|off]", help="Without one, says which it is.")
    ] = None,
) -> None:
    """Whether agents may name the sessions that nobody has named; a local setting."""
    from app.agents.titles import SETTING

    call = call_of(context)
    with call.workspace() as workspace:
        if choice is not None:
            workspace.settings.set(SETTING, choice == "on")
        may = bool(workspace.settings.get(SETTING, True))
    if may:
        sentence = "Agents name new sessions after the first turn; a name that a person gives stays."
    else:
        sentence = "New sessions are called what their first prompt begins with."
    call.out.done([], sentence, titles=may)


@cli.command()
def summaries(
    context: typer.Context,
    choice: Annotated[
        Literal["on", "off"] | None, typer.Argument(metavar="[on|off]", help="Without one, says which it is.")
    ] = None,
) -> None:
    """Whether agents may sum up their sessions that came to rest; a local setting."""
    from app.agents.session_summary import SETTING

    call = call_of(context)
    with call.workspace() as workspace:
        if choice is not None:
            workspace.settings.set(SETTING, choice == "on")
        may = bool(workspace.settings.get(SETTING, True))
    sentence = "Agents sum up their sessions that came to rest." if may else "No session is summed up."
    call.out.done([], sentence, summaries=may)


def _with_agents(call: Call, work: Callable[[AgentRegistry, Workspace], Awaitable[T]]) -> T:
    import asyncio

    from app.agents.registry import AgentRegistry

    async def run(workspace: Workspace) -> T:
        with closing(AgentRegistry(workspace)) as agents:
            return await work(agents, workspace)

    with call.workspace() as workspace:
        return asyncio.run(run(workspace))


def _found_command(name: str) -> tuple[str, ...]:
    """The command of an external agent of this name that is installed; none otherwise."""
    from app.agents.acp.known import installed

    return next((agent.command for agent in installed() if agent.name == name), ())


def _read_key(descriptor: int) -> str:
    from getpass import getpass

    try:
        if os.isatty(descriptor):
            key = getpass("Key: ")
        else:
            with open(descriptor, "rb") as stream:
                key = stream.read(1 << 16).decode().removesuffix("\n")
    except (OSError, UnicodeDecodeError, EOFError) as error:
        raise UserError(f"The key cannot be read from --key-fd {descriptor}: {error}.") from error
    if not key.strip():
        raise UserError(f"The key that --key-fd {descriptor} gives is empty.")
    return key.strip()


def _to_json(config: AgentConfig) -> dict[str, Any]:
    return {
        "id": config.name,
        "name": config.name,
        "kind": config.kind,
        "model": config.model,
        "url": config.url,
        "script": config.script,
        "command": list(config.command) or None,
        "mode": config.mode,
    }
