"""`lovelace sessions secrets` and `reveal`: what was kept out of a session, and what it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.call import Call, call_of
from app.cli.text import SHORT_ID
from app.errors import NotFound, UserError

if TYPE_CHECKING:
    from app.sessions.views import SecretRow
    from app.workspace import Workspace

One = Annotated[str, typer.Argument(metavar="ID", help="A session, or a unique beginning of its id.")]


def secrets(
    context: typer.Context,
    session: One,
    harmless: Annotated[
        int | None,
        typer.Option(
            "--harmless", metavar="N", min=1, help="This one is no secret: show it, and keep it in from now on."
        ),
    ] = None,
) -> None:
    """List the secrets that this device kept out of a session, without telling them."""
    call = call_of(context)
    with call.workspace() as workspace:
        row = workspace.read(lambda queries: queries.session(session))
        if harmless is not None:
            workspace.write(lambda operations: operations.set_harmless(row.id, harmless))
            call.out.done([row.id], f"Secret {harmless} counts as none in this workspace.")
            return
        found = workspace.read(lambda queries: queries.secrets(row.id))
    if call.out.json:
        call.out.value([one.to_json() for one in found])
        return
    shorten = SHORT_ID if call.out.terminal else None
    call.out.table(["SECRET", "KIND", "EVENT"], ((str(one.number), one.kind, one.event[:shorten]) for one in found))


def reveal(
    context: typer.Context,
    session: One,
    number: Annotated[
        int | None, typer.Argument(metavar="[N]", min=1, help="The number in ‹secret N›; without it all of them.")
    ] = None,
) -> None:
    """Tell the secrets that this device kept out of a session."""
    call = call_of(context)
    with call.workspace() as workspace:
        row = workspace.read(lambda queries: queries.session(session))
        wanted = [number] if number is not None else [one.number for one in _kept(workspace, row.id)]
        if not wanted:
            raise NotFound("This device kept no secret out of this session.")
        values = workspace.read(lambda queries: {one: queries.secret(row.id, one) for one in wanted})
        if number is not None and values[number] is None:
            raise NotFound(
                f"Secret {number} of this session is not on this device. It is where it was captured, only there."
            )
        if not call.confirm("Show what was kept secret?"):
            raise UserError("Nothing was shown.")
    _tell(call, {one: value for one, value in values.items() if value is not None})


def _kept(workspace: Workspace, session: str) -> list[SecretRow]:
    return workspace.read(lambda queries: queries.secrets(session))


def _tell(call: Call, values: dict[int, str]) -> None:
    if call.out.json:
        call.out.value([{"number": number, "secret": value} for number, value in values.items()])
    elif len(values) == 1:
        call.out.write("".join(f"{value}\n" for value in values.values()))
    else:
        call.out.write("".join(f"{number}\t{value}\n" for number, value in values.items()))
