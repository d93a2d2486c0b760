"""`lovelace memory …`: the facts and decisions that the workspace of the call remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.call import call_of
from app.cli.declared import group
from app.cli.errors import UsageError
from app.cli.text import SHORT_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.cli.call import Call
    from app.sessions.memory import FactState
    from app.sessions.memory_queries import FactRow
    from app.sessions.operations import SessionOperations

cli = group("What a workspace remembers: facts and decisions, given to agents that work in it.")

Ids = Annotated[list[str], typer.Argument(metavar="ID", help="Facts: their ids or unique prefixes of them.")]


@cli.command("list")
def list_memory(
    context: typer.Context,
    proposed: Annotated[bool, typer.Option("--proposed", help="Only what agents propose.")] = False,
    forgotten: Annotated[bool, typer.Option("--forgotten", help="Only what was forgotten.")] = False,
    about: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What agents would be given for this prompt, best first.")
    ] = None,
) -> None:
    """List what is remembered and what agents propose, the newest first."""
    if proposed + forgotten + (about is not None) > 1:
        raise UsageError("Give one of --proposed, --forgotten and --about.")
    call = call_of(context)
    states: Sequence[FactState] = ["proposed"] if proposed else ["forgotten"] if forgotten else ["proposed", "accepted"]
    with call.workspace() as workspace:
        rows = workspace.read(lambda queries: queries.facts(states) if about is None else queries.facts_about(about))
    if call.out.json:
        call.out.value([row.to_json() for row in rows])
        return
    short = SHORT_ID if call.out.terminal else None
    call.out.table(
        ["ID", "STATE", "KIND", "BY", "DATE", "TEXT"],
        (
            (
                row.fact.id[:short],
                row.fact.state,
                row.fact.kind,
                _by(row),
                row.to_json()["time"][:10],
                " ".join(row.fact.text.split()),
            )
            for row in rows
        ),
    )


@cli.command()
def remember(
    context: typer.Context,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to remember, in a sentence.")],
    decision: Annotated[bool, typer.Option("--decision", help="It was decided; else it is a fact.")] = False,
    session: Annotated[str | None, typer.Option(metavar="ID", help="The session it comes from.")] = None,
) -> None:
    """Remember a fact or a decision."""
    call = call_of(context)
    with call.workspace() as workspace:
        source = None if session is None else workspace.read(lambda queries: queries.session(session)).id
        fact = workspace.write(
            lambda operations: operations.remember(text, "decision" if decision else "fact", session=source)
        )
        row = workspace.read(lambda queries: queries.fact(fact))
    if call.out.json:
        call.out.value(row.to_json())
    else:
        call.out.line(row.fact.id)


@cli.command()
def accept(context: typer.Context, ids: Ids) -> None:
    """Accept what agents propose, or take back a forgetting: agents are given it from now on."""
    _change(call_of(context), ids, lambda operations, fact: operations.accept_fact(fact), "Accepted.")


@cli.command()
def forget(context: typer.Context, ids: Ids) -> None:
    """Forget facts and proposals: agents are given them no more. `memory accept` takes that back."""
    _change(call_of(context), ids, lambda operations, fact: operations.forget_fact(fact), "Forgotten.")


@cli.command()
def edit(
    context: typer.Context,
    fact: Annotated[str, typer.Argument(metavar="ID", help="A fact: its id or a unique prefix of it.")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="How it is to read.")],
) -> None:
    """Let a fact read otherwise."""
    _change(call_of(context), [fact], lambda operations, found: operations.edit_fact(found, text), "Changed.")


def _change(call: Call, ids: Sequence[str], change: Callable[[SessionOperations, str], None], said: str) -> None:
    with call.workspace() as workspace:
        found = workspace.read(lambda queries: [queries.fact(fact).fact.id for fact in ids])

        def run(operations: SessionOperations) -> None:
            with operations.engine.transaction():  # all of them, or none
                for fact in found:
                    change(operations, fact)

        workspace.write(run)
    call.out.done(found, said)


def _by(row: FactRow) -> str:
    return f"{row.fact.agent} for {row.author}" if row.fact.agent else row.author
