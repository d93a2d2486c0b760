"""`lovelace sessions …`: list, show, and what one does with sessions."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.cli import session_files
from app.cli.call import call_of
from app.cli.declared import find_sessions, group, run_on_sessions
from app.cli.errors import UsageError
from app.cli.secrets import reveal, secrets
from app.cli.show import show
from app.cli.text import SHORT_ID
from app.cli.times import parse_bound, time_format
from app.commands import sessions as commands
from app.errors import UserError

if TYPE_CHECKING:
    from app.cli.output import Output
    from app.commands.command import Command
    from app.sessions.views import SessionRow
    from app.workspace import Workspace

cli = group("List, read and arrange sessions.")

Type = Literal["interactive", "agent", "mcp"]
Choice = Literal["once", "always", "reject"]
Status = Literal["active", "paused", "waiting", "completed", "failed"]
One = Annotated[str, typer.Argument(metavar="ID", help="A session, or a unique beginning of its id.")]
Many = Annotated[list[str], typer.Argument(metavar="ID…", help="Sessions, or unique beginnings of ids.")]
Since = Annotated[str | None, typer.Option(metavar="D", help="From this time, date or age (7d, 12h) on.")]
Until = Annotated[str | None, typer.Option(metavar="D", help="Up to this time, date or age.")]
Limit = Annotated[int | None, typer.Option(metavar="N", min=0, help="At most so many.")]


@cli.command("list")
def list_sessions(
    context: typer.Context,
    type: Annotated[Type | None, typer.Option(help="Only sessions of this type.")] = None,
    status: Annotated[Status | None, typer.Option(help="Only sessions in this status.")] = None,
    since: Since = None,
    until: Until = None,
    author: Annotated[str | None, typer.Option(metavar="A", help="Only with events of this person.")] = None,
    tag: Annotated[str | None, typer.Option(metavar="T", help="Only with this tag.")] = None,
    archived: Annotated[bool, typer.Option("--archived", help="The archived ones instead.")] = False,
    trash: Annotated[bool, typer.Option("--trash", help="Those in the trash instead.")] = False,
    limit: Limit = None,
) -> None:
    """List the sessions of the workspace, the newest first."""
    from app.sessions.filters import SessionFilter

    call = call_of(context)
    with call.workspace() as workspace:
        now = workspace.clock.now_ms()
        wanted = SessionFilter(
            type=type,
            status=status,
            since=parse_bound(since, "since", now),
            until=parse_bound(until, "until", now),
            author=author,
            tag=tag,
            archived=archived,
            trash=trash,
            limit=limit,
        )
        rows = workspace.read(lambda queries: queries.sessions(wanted))
    _print_sessions(call.out, rows)


def _print_sessions(out: Output, rows: list[SessionRow]) -> None:
    if out.json:
        out.value([row.to_json() for row in rows])
        return
    shorten = SHORT_ID if out.terminal else None
    show_time = time_format(out)
    out.table(
        ["ID", "UPDATED", "TYPE", "STATUS", "EVENTS", "AGENT", "TITLE"],
        (
            (
                row.id[:shorten],
                show_time(row.updated),
                row.type,
                row.status,
                str(row.events),
                row.agent or "",
                row.title,
            )
            for row in rows
        ),
    )


@cli.command(help=commands.RENAME.help)
def rename(context: typer.Context, session: One, title: Annotated[str, typer.Argument(metavar="TITLE")]) -> None:
    """Set the title."""
    run_on_sessions(call_of(context), commands.RENAME, [session], "Renamed.", title)


@cli.command()
def answer(
    context: typer.Context,
    session: One,
    request: Annotated[str, typer.Argument(metavar="REQUEST", help="The `request_id` of a permission request.")],
    choice: Annotated[Choice, typer.Argument(metavar="once|always|reject")],
    values: Annotated[str | None, typer.Option(metavar="JSON", help="What a server asks for, as an object.")] = None,
) -> None:
    """Answer a permission request that waits, whichever program asks."""
    from app.agents.mcp.schema import parse_arguments

    call = call_of(context)
    given = None if values is None else parse_arguments(values)
    with call.workspace() as workspace:
        row = workspace.read(lambda queries: queries.session(session))
        answered = workspace.write(lambda operations: operations.answer(row.id, request, choice, given))
        if row.status == "waiting":
            _see_to_jobs(workspace, [row.id])  # a workflow that waited for it goes on
    call.out.done([row.id], "Answered.", request=answered)


@cli.command(context_settings={"ignore_unknown_options": True})
def tag(
    context: typer.Context,
    session: One,
    changes: Annotated[list[str] | None, typer.Argument(metavar="[+T|-T]…", help="Add or remove tags.")] = None,
) -> None:
    """Add and remove tags; without changes, print them."""
    call = call_of(context)
    with call.workspace() as workspace:
        row = workspace.read(lambda queries: queries.session(session))
        tags = _changed_tags(list(row.tags), changes or [])
        if changes:
            workspace.write(lambda operations: operations.set_fields(row.id, {"tags": tags}))
    if changes or call.out.json:
        call.out.done([row.id], "Tags: " + ", ".join(tags), tags=tags)
    else:
        call.out.write("".join(f"{name}\n" for name in tags))


def _changed_tags(tags: list[str], changes: list[str]) -> list[str]:
    for change in changes:
        sign, name = change[:1], change[1:].strip()
        if sign not in ("+", "-") or not name:
            raise UsageError(f"A tag is added with +TAG and removed with -TAG, not {change!r}.")
        tags = [known for known in tags if known != name] + ([name] if sign == "+" else [])
    return tags


@cli.command()
def note(
    context: typer.Context,
    session: One,
    text: Annotated[
        str | None,
        typer.Argument(metavar="TEXT|-", help="The new note; - reads it. Others' edits meanwhile stay."),
    ] = None,
) -> None:
    """Write the note of a session; without a text, print it."""
    call = call_of(context)
    with call.workspace() as workspace:
        [found] = find_sessions(workspace, [session])
        written = workspace.read(lambda queries: queries.note(found))  # before the text, which may take long to come
        if text is not None:
            new = _read_stdin() if text == "-" else text
            workspace.write(lambda operations: operations.set_note(found, new, base=written))
    if text is not None:
        call.out.done([found], "Noted.")
    elif call.out.json:
        call.out.value({"id": found, "note": written})
    else:
        call.out.write(written + ("\n" if written and not written.endswith("\n") else ""))


def _read_stdin() -> str:
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise UserError(f"The note on standard input is not valid UTF-8 (byte {error.start}).") from error


@cli.command(help=commands.FORK.help)
def fork(
    context: typer.Context,
    session: One,
    at: Annotated[str | None, typer.Option(metavar="EVENT", help="The last event to take along.")] = None,
) -> None:
    """Print the new session, or its id."""
    call = call_of(context)
    with call.workspace() as workspace:
        found = find_sessions(workspace, [session])
        [forked] = workspace.write(lambda operations: commands.FORK.run(operations, found, at or ""))
        row = workspace.read(lambda queries: queries.session(forked))
    if call.out.json:
        call.out.value(row.to_json())
    else:
        call.out.line(row.id)


@cli.command(help=commands.DELETE.help)
def delete(
    context: typer.Context,
    sessions: Many,
    purge: Annotated[bool, typer.Option("--purge", help=commands.PURGE.help)] = False,
) -> None:
    """Move to the trash, or with --purge erase."""
    call = call_of(context)
    if purge:
        from app.cli.purge import purge_sessions

        purge_sessions(call, sessions)
    else:
        from app.network.sharing import withdraw_deleted

        done = "Moved {what} to the trash; 'lovelace sessions undelete' brings back. What a link opened is removed."
        run_on_sessions(call, commands.DELETE, sessions, done, after=withdraw_deleted)


def _see_to_jobs(workspace: Workspace, _sessions: Sequence[str]) -> None:
    from app.background.starting import see_to_jobs

    see_to_jobs(workspace)


@cli.command(help=commands.RESUME.help)
def resume(
    context: typer.Context,
    sessions: Many,
    rules: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Other rules for their tasks, such as higher limits.")
    ] = None,
) -> None:
    """Resume, and see to it that somebody does the tasks."""
    import msgspec

    from app.agents.rules import load_rules
    from app.background.resuming import resume_with_rules

    run = commands.RESUME
    if rules is not None:
        run = msgspec.structs.replace(run, run=resume_with_rules(load_rules(rules)))
    done = "Resumed {what}."
    run_on_sessions(call_of(context), run, sessions, done, after=_see_to_jobs)


def _on_many(command: Command, done: str) -> Callable[[typer.Context, list[str]], None]:
    def run(context: typer.Context, sessions: Many) -> None:
        run_on_sessions(call_of(context), command, sessions, done)

    return run


cli.command("show")(show)
cli.command()(secrets)
cli.command()(reveal)
for _files_command in (session_files.files, session_files.diff, session_files.drift, session_files.restore):
    cli.command()(_files_command)
for _name, _command, _done in (
    ("archive", commands.ARCHIVE, "Archived {what}."),
    ("pause", commands.PAUSE, "Paused {what}."),
    ("stop", commands.STOP, "Stopped the task of {what}."),
    ("take-over", commands.TAKE_OVER, "Took over {what}: write in it with 'lovelace chat --session'."),
    ("unarchive", commands.UNARCHIVE, "Took {what} out of the archive."),
    ("undelete", commands.UNDELETE, "Put {what} back."),
):
    cli.command(_name, help=_command.help)(_on_many(_command, _done))
