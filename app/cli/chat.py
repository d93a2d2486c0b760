"""`lovelace chat`: one turn with TEXT, else a conversation on the terminal."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.call import Call, call_of
from app.cli.declared import group
from app.cli.errors import DONE, INTERRUPTED, UsageError

if TYPE_CHECKING:
    from app.cli.conversations import Wish
    from app.cli.talk import Talk
    from app.workspace import Workspace

cli = group("")


@cli.command()
def chat(
    context: typer.Context,
    text: Annotated[str | None, typer.Argument(metavar="[TEXT]", help="One turn, then leave.")] = None,
    session: Annotated[str | None, typer.Option(metavar="ID", help="The session to go on with.")] = None,
    new: Annotated[bool, typer.Option("--new", help="Start a new session.")] = False,
    agent: Annotated[str | None, typer.Option(metavar="NAME", help="Who answers; see agents list.")] = None,
    tools: Annotated[bool, typer.Option("--tools", help="Let the agent use tools in this folder.")] = False,
    allow: Annotated[
        list[str] | None, typer.Option(metavar="read|edit|run|all", help="What needs no permission.")
    ] = None,
) -> int:
    """Talk with an agent: in the most recent session, a given one, or a new one."""
    from app.cli.conversations import Wish

    if session is not None and new:
        raise UsageError("Give --session or --new, not both.")
    return talk(call_of(context), text, Wish(session, new, agent, tools, tuple(allow or ())))


def talk(call: Call, text: str | None, wish: Wish) -> int:
    """One turn with a text, else a conversation on the terminal. Gives the exit code."""
    if text is None and (call.out.json or not (sys.stdin.isatty() and sys.stdout.isatty())):
        raise UsageError("Without a terminal, chat needs a text: lovelace chat TEXT.")
    if text is not None and not text.strip():
        raise UsageError("The text is empty.")
    import asyncio
    from dataclasses import replace

    from app.agents.registry import AgentRegistry
    from app.cli.conversations import manner_of, open_talk
    from app.cli.repl import Repl

    with call.workspace() as workspace, asyncio.Runner() as runner, closing(AgentRegistry(workspace)) as agents:
        manner = manner_of(call, workspace, wish)

        def open_one(wanted: Wish) -> Talk:
            return runner.run(open_talk(call, workspace, agents, wanted, manner))

        if text is None:
            fresh = replace(wish, session=None, new=True)
            return Repl(call.out, runner, open_one(wish), lambda agent: open_one(replace(fresh, agent=agent))).run()
        if wish.new and call.has_person and not call.out.json:
            _hint(call, workspace, text)
        result = runner.run(open_one(wish).turn(text))
    return DONE if result.outcome == "completed" else INTERRUPTED


def _hint(call: Call, workspace: Workspace, text: str) -> None:
    """Name earlier sessions that have to do with a first prompt, which it could refer to."""
    for one in workspace.read(lambda queries: queries.related(text)):
        call.out.remark(f"Related: {one.title}, @{one.id}")
