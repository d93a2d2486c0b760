"""`lovelace sessions files|diff|drift|restore`: what a session did to files, what became of them, putting them back."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.call import Call, call_of
from app.cli.output import BOLD, CYAN, GREEN, RED, YELLOW, Output
from app.errors import NotFound, UserError

if TYPE_CHECKING:
    from app.agents.files.restoring import Restored, SessionFiles
    from app.sessions.file_changes import Drift, NetChange, Step
    from app.sessions.files import FileState

One = Annotated[str, typer.Argument(metavar="ID", help="A session, or a unique beginning of its id.")]


def files(context: typer.Context, session: One) -> None:
    """List the files that a session changed."""
    from app.agents.files.restoring import read_session_files

    call = call_of(context)
    with call.workspace() as workspace:
        states = read_session_files(workspace, session).history.states()
    rows = [_file_json(state) for state in states.values() if state.changes]
    if call.out.json:
        call.out.value(rows)
        return
    call.out.table(
        ["PATH", "LANGUAGE", "CHANGES", "ADDED", "REMOVED", "CAUSE", "THERE"],
        (
            (
                row["path"],
                row["language"] or "",
                str(row["changes"]),
                f"+{row['added']}",
                f"-{row['removed']}",
                row["cause"],
                {True: "yes", False: "deleted", None: "?"}[row["exists"]],
            )
            for row in rows
        ),
    )


def _file_json(state: FileState) -> dict[str, Any]:
    last = [moment for moment in state.moments if moment.change is not None][-1]
    assert last.change is not None
    return {
        "path": state.path,
        "language": last.change.language,
        "changes": len(state.changes),
        "added": sum(change.added for change in state.changes),
        "removed": sum(change.removed for change in state.changes),
        "last_event": last.event,
        "cause": last.change.cause,
        "exists": state.exists,
    }


def diff(
    context: typer.Context,
    session: One,
    path: Annotated[str | None, typer.Argument(metavar="[PATH]", help="Only this file.")] = None,
) -> None:
    """Show what a session did to its files, from before its first change to after its last."""
    from app.agents.files.restoring import loader, read_session_files
    from app.sessions.file_changes import net_change

    call = call_of(context)
    with call.workspace() as workspace:
        states = _wanted(read_session_files(workspace, session), path)
        changes = [change for state in states if (change := net_change(state, loader(workspace))) is not None]
    if call.out.json:
        call.out.value([_change_json(change) for change in changes])
        return
    for change in changes:
        if not change.exact:
            call.out.remark(f"{change.path}: its whole content is not known; these are its single changes.")
        _print_diff(call.out, change.diff)


def _change_json(change: NetChange) -> dict[str, Any]:
    return {
        "path": change.path,
        "diff": change.diff,
        "added": change.added,
        "removed": change.removed,
        "exact": change.exact,
    }


def _wanted(found: SessionFiles, path: str | None) -> list[FileState]:
    states = found.history.states()
    if path is None:
        return list(states.values())
    if path not in states:
        close = [name for name in states if name.endswith("/" + path.lstrip("./"))]
        if len(close) == 1:
            return [states[close[0]]]
        raise NotFound(f"The session changed no file {path}. `lovelace sessions files` lists them.", candidates=close)
    return [states[path]]


def _print_diff(out: Output, text: str) -> None:
    if not out.terminal:
        out.copy(text)
        return
    colours = {"+": GREEN, "-": RED, "@": CYAN}
    for line in text.split("\n")[:-1]:
        out.line(line, BOLD if line.startswith(("--- ", "+++ ")) else colours.get(line[:1], ""))


def drift(context: typer.Context, session: One) -> None:
    """Compare the files on the disk with what a session last knew of them."""
    from app.agents.files.disk import look
    from app.agents.files.restoring import read_session_files, whole_loader
    from app.sessions.file_changes import file_drift

    call = call_of(context)
    with call.workspace() as workspace:
        found = read_session_files(workspace, session)
        states = found.history.states()
        load = whole_loader(workspace, found.session)
        drifts = file_drift(states, partial(look, found.on_disk()), load) if states else []
        drifts = workspace.read(
            lambda queries: [replace(one, diff=queries.hidden(found.session, one.diff)) for one in drifts]
        )
    if call.out.json:
        call.out.value([_drift_json(one) for one in drifts])
        return
    for one in drifts:
        _print_drift(call.out, one)


def _drift_json(one: Drift) -> dict[str, Any]:
    return {
        "path": one.path,
        "status": one.status,
        "diff": one.diff,
        "added": one.added,
        "removed": one.removed,
        "reason": one.why or None,
    }


def _print_drift(out: Output, one: Drift) -> None:
    style = {"unchanged": "", "changed": YELLOW, "missing": RED, "unknown": CYAN}[one.status]
    out.line(f"{one.status}\t{one.path}" + (f"\t({one.why})" if one.why else ""), style)
    if one.diff:
        _print_diff(out, one.diff)


def restore(
    context: typer.Context,
    session: One,
    before: Annotated[
        str | None, typer.Option("--before", metavar="TURN", help="To what they were before this turn.")
    ] = None,
) -> None:
    """Put a session's files back to what it last knew of them; their present content is kept first."""
    from app.agents.files.restoring import Restored, plan_restore, read_session_files
    from app.agents.files.restoring import restore as carry_out

    call = call_of(context)
    with call.workspace() as workspace:
        found = read_session_files(workspace, session, turns=True)
        if before is not None:
            found.history.find_turn(before)
        steps = plan_restore(workspace, found, before) if found.history.states() else []
        if not _agreed(call, steps):
            raise UserError("Nothing was restored.")
        done = carry_out(workspace, found, steps) if steps else Restored(None)
    _report(call.out, found, done)


def _agreed(call: Call, steps: list[Step]) -> bool:
    """Whether the person wants it; nothing to do needs no question."""
    from app.sessions.file_changes import drift_sentence, restore_sentence

    sentence, warning = restore_sentence(steps), drift_sentence(steps)
    if not sentence:
        return True
    if warning and call.options.yes:
        call.out.remark(warning)
    return call.confirm(f"{sentence}{' ' if warning else ''}{warning} What is there now is kept. Go on?")


def _report(out: Output, found: SessionFiles, done: Restored) -> None:
    if out.json:
        skipped = [{"path": path, "reason": why} for path, why in done.skipped]
        value = {"ok": not skipped, "ids": [found.session], "turn": done.turn, "restored": list(done.paths)}
        out.value({**value, "skipped": skipped})
    elif not out.quiet and (done.turn or not done.skipped):
        count = len(done.paths)
        what = "1 file" if count == 1 else f"{count} files"
        undo = f"lovelace sessions restore {found.session} --before {done.turn}"
        out.line(
            f"Restored {what}. To undo it: {undo}" if done.turn else "Nothing to restore: all files are as wanted."
        )
    if done.skipped:
        from app.sessions.file_changes import skipped_sentence

        raise UserError(skipped_sentence(done.skipped))
