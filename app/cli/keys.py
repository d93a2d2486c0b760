"""`lovelace keys …`: the ways in which the database can be opened."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.cli.call import Call, call_of, read_descriptor, read_file
from app.cli.declared import group
from app.cli.errors import UsageError
from app.errors import UserError
from sync.clock import system_random

if TYPE_CHECKING:
    from app.workspace import Credentials, Workspace
    from sync.store.keyslots import SlotState, UnlockedKey

cli = group("Keys: how the database is opened, and by what else it could be.")
adding = group("Add another way to open the database.")
cli.add_typer(adding, name="add")

NewFile = Annotated[
    Path | None, typer.Option("--new-passphrase-file", metavar="FILE", help="Take the new passphrase from FILE.")
]
NewDescriptor = Annotated[
    int | None,
    typer.Option("--new-passphrase-fd", metavar="N", min=0, help="Take the new passphrase from file descriptor N."),
]
_ON_PAPER = (
    "Write this code down and keep it away from this computer. It opens your sessions when keyring and passphrase "
    "are lost; whoever has it and your data can read everything. It is not shown again."
)

_PURGE = (
    "Forget the keys under which this workspace was sealed so far, on this device and, as they hear of it, on all "
    "others? Sessions stay. What a device had written and never brought to anybody else's can then not be read from "
    "old copies of it any more. Go on?"
)
_PURGED = (
    "New keys are in force. Old copies in mailboxes and elsewhere cannot be read any more with what this device has; "
    "the other devices forget the old keys when they sync. The recovery code on paper still opens them."
)


@cli.command()
def status(context: typer.Context) -> None:
    """Show the ways to open the database, and which of them work now."""
    from sync.store import keyslots

    call = call_of(context)
    states = keyslots.slot_states(call.home, call.credentials().passphrase)
    locked = not any(state.opens for state in states)
    if call.out.json:
        slots = [{"kind": state.kind, "opens": state.opens, "message": state.message} for state in states]
        call.out.value({"home": str(call.home), "locked": locked, "slots": slots})
        return
    call.out.table(["KIND", "OPENS", "ABOUT"], ((state.kind, _word(state), state.message) for state in states))
    call.out.line("Locked: nothing opens it without asking." if locked else "Unlocked: it opens without asking.")
    if len(states) == 1:
        call.out.remark("There is only one way to open the database. `lovelace keys add recovery` makes another.")


@adding.command("passphrase")
def add_passphrase(context: typer.Context, file: NewFile = None, descriptor: NewDescriptor = None) -> None:
    """Let a passphrase open the database, in place of an earlier one."""
    from sync.store import keyslots

    call = call_of(context)
    credentials, unlocked = _unlock(call)
    keyslots.add_passphrase(call.home, unlocked, _new(credentials, file, descriptor), random=system_random)
    call.out.done([], "The passphrase opens the database now.")


@adding.command("recovery")
def add_recovery(context: typer.Context) -> None:
    """Make a recovery code to write down, in place of an earlier one, and show it once."""
    from sync.store import keyslots

    call = call_of(context)
    _, unlocked = _unlock(call)
    asks = call.has_person and not call.out.json

    def check(code: str) -> None:
        if not call.out.json:
            call.out.remark(_ON_PAPER)
            call.out.line(code)
            call.out.flush()
        if asks:
            _type_again(code)

    code = keyslots.add_recovery(call.home, unlocked, random=system_random, check=check)
    if call.out.json:
        call.out.done([], "", code=code)
    elif asks:
        call.out.remark("The recovery code opens the database now.")


@adding.command("keyring")
def add_keyring(context: typer.Context) -> None:
    """Let this computer's keyring open the database."""
    from sync.store import keyslots

    call = call_of(context)
    _, unlocked = _unlock(call)
    keyslots.add_keyring(call.home, unlocked, random=system_random)
    call.out.done([], "This computer's keyring opens the database now.")


@cli.command()
def change(context: typer.Context, file: NewFile = None, descriptor: NewDescriptor = None) -> None:
    """Change the passphrase."""
    from sync.store import keyslots

    call = call_of(context)
    credentials, unlocked = _unlock(call)
    if "passphrase" not in keyslots.slot_kinds(call.home):
        raise UserError("There is no passphrase to change. `lovelace keys add passphrase` makes one.")
    keyslots.add_passphrase(call.home, unlocked, _new(credentials, file, descriptor), random=system_random)
    call.out.done([], "The passphrase is changed. Older backups still open with the old one.")


@cli.command()
def remove(
    context: typer.Context,
    kind: Annotated[
        Literal["passphrase", "recovery", "keyring"], typer.Argument(help="passphrase, recovery or keyring.")
    ],
) -> None:
    """Take away one way to open the database; never the last."""
    from app.commands.keys import Keys

    call = call_of(context)
    _, unlocked = _unlock(call)
    if kind == "keyring" and not call.confirm(
        "Backups and copies of these data that have no other way to be opened are lost with it. Go on?"
    ):
        raise UserError("Nothing was changed.")
    if remark := Keys(call.home, unlocked).remove(kind):
        call.out.remark(remark)
    call.out.done([], f"The {kind} slot is gone.")


@cli.command()
def purge(context: typer.Context) -> None:
    """Make purged and older data unreadable in every copy that others have kept of what this workspace sealed."""
    from app.network.key_purging import purge_keys

    call = call_of(context)
    with call.workspace() as workspace:
        if not call.confirm(_PURGE):
            raise UserError("Nothing was changed.")
        if call.has_person and not call.out.json:
            _write_code_down(call, workspace)
        purge_keys(workspace)
        done = workspace.id
    call.out.done([done], _PURGED)


def _write_code_down(call: Call, workspace: Workspace) -> None:
    """Let the person take the code that brings their devices back from here, if nobody has."""
    from app.network.recovery import keep_on_paper, kept_code

    code = kept_code(workspace)
    if code is None:
        return
    call.out.remark(
        "This recovery code brings you back when every device is lost. Write it down and keep it away from this "
        "computer; it leaves this device now and is not shown again."
    )
    call.out.line(code)
    call.out.flush()
    sys.stderr.write("Type it as you wrote it down (an empty line gives up): ")
    sys.stderr.flush()
    keep_on_paper(workspace, sys.stdin.readline().strip())


def _unlock(call: Call) -> tuple[Credentials, UnlockedKey]:
    from sync.store import keyslots

    credentials = call.credentials()
    return credentials, keyslots.unlock(call.home, passphrase=credentials.passphrase, prompt=credentials.prompt)


def _new(credentials: Credentials, file: Path | None, descriptor: int | None) -> bytes:
    """The new passphrase: as given, else asked for twice."""
    if file is not None and descriptor is not None:
        raise UsageError("Give either --new-passphrase-file or --new-passphrase-fd, not both.")
    if file is not None:
        return read_file(file, "--new-passphrase-file")
    if descriptor is not None:
        return read_descriptor(descriptor, "--new-passphrase-fd")
    if credentials.prompt is None:
        raise UserError("There is no terminal to ask on; give --new-passphrase-file or --new-passphrase-fd.")
    first = credentials.prompt("New passphrase: ")
    if not first:
        raise UserError("No passphrase was given; nothing was changed.")
    if credentials.prompt("Again: ") != first:
        raise UserError("The two passphrases differ; nothing was changed.")
    return first


def _type_again(code: str) -> None:
    """Let the person show that what they wrote down is the code. UserError when they give up."""
    from sync.store.keyslots import is_same_code

    while True:
        sys.stderr.write("Type it as you wrote it down (an empty line gives up): ")
        sys.stderr.flush()
        typed = sys.stdin.readline().strip()
        if not typed:
            raise UserError("The code was not typed again, so it does not count. Nothing was changed.")
        if is_same_code(code, typed):
            return
        sys.stderr.write("That is not the code.\n")


def _word(state: SlotState) -> str:
    return {True: "yes", False: "no", None: "-"}[state.opens]
