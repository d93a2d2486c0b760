"""`lovelace sync …`: how far sync is, once now, or for as long as the program runs."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.call import Call, call_of
from app.cli.declared import group
from app.cli.devices import recovery_code
from app.cli.errors import DONE, UNREACHABLE
from app.cli.text import SHORT_ID
from app.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.background.rooms import Rooms
    from app.network.forks import ForkRow
    from app.network.service import NetworkService
    from app.network.syncing import SyncedOnce, WorkspaceSync
    from app.sessions.payload_queries import Fetch
    from app.workspace import Workspace
    from sync.network.node import NodeStatus

cli = group("Sync with your other devices and with teammates.")

Many = Annotated[list[str], typer.Argument(metavar="ID…", help="Sessions, or unique beginnings of ids.")]


@cli.command()
def status(context: typer.Context) -> None:
    """Say what is here, what is not elsewhere yet, and what waits."""
    from app.network.forks import forks, renewal_sentence, renewals
    from app.network.syncing import mailboxes, shown, sync_state
    from sync.network.lease import is_running

    call = call_of(context)
    with call.workspace() as workspace:
        state, boxes = sync_state(workspace), [shown(row) for row in mailboxes(workspace)]
        divided, renewed = forks(workspace), renewals(workspace)
        running = is_running(workspace.home)
    if call.out.json:
        call.out.value(
            {
                "running": running,
                "workspace": state.to_json(),
                "mailboxes": boxes,
                "forks": [fork.to_json() for fork in divided],
                "renewed": [renewal.to_json() for renewal in renewed],
            }
        )
        return
    call.out.line(_sentence(state))
    call.out.line("The network is being run by a program of this home." if running else "No program is syncing now.")
    for box in boxes:
        call.out.line(f"Mailbox {box}")
    if state.held or state.rejected:
        call.out.line(f"Of others, {state.held} entries wait and {state.rejected} were refused.")
    for renewal in renewed:
        call.out.line(renewal_sentence(renewal))
    for fork in divided:
        _report_fork(call, fork)


def _report_fork(call: Call, fork: ForkRow) -> None:
    from app.network.forks import branch_words, fork_sentence

    call.out.line(fork_sentence(fork))
    for branch in fork.branches:
        call.out.line(f"  {branch.id[:SHORT_ID]}  {branch_words(branch)}")
    if fork.may_cut:
        call.out.remark(f"Keep one for everybody: lovelace sync cut {fork.device[:SHORT_ID]} SIDE")


@cli.command()
def cut(
    context: typer.Context,
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="A forked device, as `sync status` lists it.")],
    side: Annotated[str, typer.Argument(metavar="SIDE", help="The side that counts, by its id.")],
    recover: Annotated[
        bool, typer.Option("--recover", help="Do it with the recovery code, for a device older than this one.")
    ] = False,
) -> None:
    """Say for everybody which side of a forked device counts; the other is kept aside and shown to nobody."""
    from app.network import forks

    call = call_of(context)
    with call.workspace() as workspace:
        fork = forks.find_fork(workspace, device)
        branch = forks.find_branch(fork, side)
        if not call.confirm(forks.cut_question(fork, branch)):
            raise UserError("Nothing was changed.")
        code = recovery_code(call) if recover else None
        forks.cut(workspace, fork.device, branch.id, code)
    call.out.done([fork.device], f"Of {fork.who} counts what {branch.id[:SHORT_ID]} leads to.", side=branch.id)


def _sentence(state: WorkspaceSync) -> str:
    if not state.shared:
        return "Everything is on this device only: pair a device, invite somebody, or add a mailbox."
    if state.waiting:
        return f"{state.waiting} of {state.entries} entries are on this device only."
    return "Everything of this device is also elsewhere."


@cli.command()
def now(context: typer.Context) -> int:
    """Try every mailbox and every known device once."""
    call = call_of(context)
    with call.workspace() as workspace:
        done = asyncio.run(_once(workspace))
    troubles = [box.trouble for box in done.mailboxes if box.trouble]
    if call.out.json:
        call.out.value(
            {
                "ok": not troubles,
                "workspace": done.state.to_json(),
                "peers": list(done.peers),
                "mailboxes": [_box_to_json(box) for box in done.mailboxes],
                "elsewhere": done.elsewhere,
            }
        )
    else:
        call.out.line(_sentence(done.state))
        for trouble in troubles:
            call.out.line(trouble)
    failed = bool(troubles) and len(troubles) == len(done.mailboxes) and not done.peers
    return UNREACHABLE if failed else DONE


async def _once(workspace: Workspace) -> SyncedOnce:
    from app.network.service import taking_part
    from app.network.syncing import sync_once

    async with taking_part(workspace) as service:
        done = await sync_once(workspace, service)
        await workspace.write_async(lambda operations: operations.finish_purges())  # what was heard of just now
    return done


@cli.command()
def fetch(context: typer.Context, sessions: Many) -> int:
    """Bring the payloads of sessions that are not on this device: large files, pictures, output."""
    from app.cli.declared import find_sessions
    from app.sessions.payload_queries import missing_words

    call = call_of(context)
    with call.workspace() as workspace:
        found = find_sessions(workspace, sessions)
        wanted: dict[str, int] = {}
        for session in found:
            wanted |= workspace.read(lambda queries, session=session: queries.missing_payloads(session))  # type: ignore[misc]
        with call.out.progress("Fetching", max(sum(wanted.values()), 1)) as advance:
            left = asyncio.run(_fetch(workspace, wanted, advance)) if wanted else []
    came = len(wanted) - len(left)
    if call.out.json:
        call.out.value({"ok": not left, "ids": found, "fetched": came, "missing": len(left)})
    elif left:
        call.out.line(f"{missing_words([one.size for one in left])} {left[0].problem}")
    else:
        call.out.line("1 payload came." if came == 1 else f"{came} payloads came.")
    return UNREACHABLE if left else DONE


async def _fetch(workspace: Workspace, wanted: dict[str, int], advance: Callable[[int], None]) -> list[Fetch]:
    from app.network.fetching import fetch_payloads
    from app.network.service import taking_part

    async with taking_part(workspace):
        return await fetch_payloads(workspace, wanted, advance)


@cli.command()
def serve(context: typer.Context) -> None:
    """Sync until Ctrl+C or SIGTERM; one line (with --json: object) for each change.

    Meanwhile tasks go on, and prompts that your other devices leave for this one are run.
    """
    call = call_of(context)
    from app.background.rooms import Rooms

    with call.workspace() as workspace, contextlib.closing(Rooms(workspace)) as rooms:
        asyncio.run(_serve(call, workspace, rooms))


async def _serve(call: Call, workspace: Workspace, rooms: Rooms) -> None:
    from app.background.headless import Headless
    from app.background.prompts import WaitingPrompts
    from app.background.starting import keep_seeing_to_jobs
    from app.network.beside import beside
    from app.network.service import taking_part
    from sync.network.node import Hooks

    prompts = WaitingPrompts(workspace, Headless(workspace, rooms))
    loop, ended, changed = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    async with (
        beside(prompts.run(), keep_seeing_to_jobs(workspace)),
        taking_part(workspace, Hooks(changed=changed.set)) as service,
    ):
        last: dict[str, Any] | None = None
        while not ended.is_set():
            last = _report(call, service, last)
            changed.clear()
            waiting = [asyncio.ensure_future(event.wait()) for event in (ended, changed)]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in waiting:
                task.cancel()


def _report(call: Call, service: NetworkService, last: dict[str, Any] | None) -> dict[str, Any]:
    value = _status_to_json(service.status()) | {"running": service.runs_here}
    if value != last:
        if call.out.json:
            call.out.value(value)
        else:
            call.out.line(_status_line(service.status(), service.runs_here))
            call.out.flush()
    return value


def _status_line(status: NodeStatus, runs_here: bool) -> str:
    if not runs_here:
        return "Another program of this home runs the network; this one takes over when it ends."
    peers = len(status.peers)
    boxes = [box.trouble or f"{box.shown} is up to date" for box in status.mailboxes if box.trouble or box.reached]
    there = (
        "No other device is there." if not peers else f"{peers} other device{'s are' if peers > 1 else ' is'} there."
    )
    return " ".join([there, *boxes, *filter(None, [status.trouble])])


def _status_to_json(status: NodeStatus) -> dict[str, Any]:
    return {
        "peers": [{"device": peer.device.hex(), "in_sync": peer.in_sync} for peer in status.peers],
        "mailboxes": [_box_to_json(box) for box in status.mailboxes],
        "trouble": status.trouble,
    }


def _box_to_json(box: Any) -> dict[str, Any]:
    return {"id": str(box.row), "uri": box.shown, "ok": not box.trouble, "trouble": box.trouble, "behind": box.behind}
