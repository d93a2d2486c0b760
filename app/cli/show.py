"""`lovelace sessions show`: the events of a session, once or as they come."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.call import Call, call_of
from app.cli.text import SHORT_ID
from app.cli.times import time_format
from app.errors import NotFound

if TYPE_CHECKING:
    from app.cli.output import Output
    from app.sessions.views import Event, SessionRow
    from app.workspace import Workspace

_LOOK_BACK = 200
_REMEMBERED = 4 * _LOOK_BACK


def show(
    context: typer.Context,
    session: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="A session; without it the most recent one.")
    ] = None,
    kinds: Annotated[str | None, typer.Option("--events", metavar="KIND,…", help="Only events of these kinds.")] = None,
    after: Annotated[str | None, typer.Option(metavar="EVENT", help="Only what follows this event.")] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", min=0, help="Only the last N.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with events as they come.")] = False,
) -> None:
    """Show the events of a session; without ID, of the most recent one."""
    call = call_of(context)
    wanted = [kind.strip() for kind in kinds.split(",") if kind.strip()] if kinds is not None else None
    with call.workspace() as workspace:
        row = find_session(workspace, session)
        if not call.out.json and not call.options.quiet and call.out.terminal:
            call.out.line(f"{row.title}  ({row.id})\n")
        seen = deque((event.id for event in workspace.read(lambda q: q.events(row.id, limit=_LOOK_BACK))), _REMEMBERED)
        seen.extend(
            workspace.read(
                lambda queries: print_events(
                    call.out, queries.iterate(row.id, kinds=wanted, after=after, limit=limit), kinds=wanted
                )
            )
        )
        remark_missing(call.out, workspace, [row.id])
        if follow:
            _follow(call, workspace, row, wanted, seen)


def find_session(workspace: Workspace, session: str | None) -> SessionRow:
    """The session with this id or beginning of an id; without one the workspace's most recent."""
    if session is not None:
        return workspace.read(lambda queries: queries.session(session))
    latest = workspace.read(lambda queries: queries.latest())
    if latest is None:
        raise NotFound("There is no session in this workspace yet. Start one with: lovelace chat")
    return latest


def remark_missing(out: Output, workspace: Workspace, sessions: Sequence[str]) -> int:
    """Say, beside the result, which payloads of sessions (ids) are not here; gives how many."""
    from app.sessions.payload_queries import missing_words

    found: dict[str, int] = {}
    for session in sessions:
        found |= workspace.read(lambda queries, session=session: queries.missing_payloads(session))  # type: ignore[misc]
    if found:
        ids = " ".join(session[:SHORT_ID] for session in sessions[:3]) + (" …" if len(sessions) > 3 else "")
        out.remark(f"{missing_words(found.values())} `lovelace sync fetch {ids}` brings what somebody has.")
    return len(found)


def print_events(out: Output, events: Iterable[Event], *, kinds: Sequence[str] | None = None) -> list[str]:
    """Print events, one JSON object a line or text under headings; gives their ids.

    People see what fields were set only when `kinds` asks for it.
    """
    from app.cli.render import print_event

    show_time = time_format(out)
    printed: deque[str] = deque(maxlen=_REMEMBERED)
    for event in events:
        printed.append(event.id)
        if out.json:
            out.value(event.to_json())
        elif event.kind != "session_set" or kinds is not None:
            who = event.author.agent or event.author.name
            print_event(out, event, f"{show_time(event.time)}  {who}  {event.id[:SHORT_ID]}")
    out.flush()
    return list(printed)


def _follow(call: Call, workspace: Workspace, row: SessionRow, kinds: list[str] | None, seen: deque[str]) -> None:
    """Print what comes after `seen`. What others write may sort among the last events: those are read again."""
    import asyncio

    async def print_new() -> None:
        anchor = seen[max(0, len(seen) - _LOOK_BACK)] if seen else None
        latest = await workspace.read_async(lambda queries: queries.events(row.id, kinds=kinds, after=anchor))
        fresh = [event for event in latest if event.id not in seen]
        seen.extend(print_events(call.out, fresh, kinds=kinds))

    async def follow() -> None:
        seq = await workspace.read_async(lambda queries: queries.last_seq())
        await print_new()
        async for changes in workspace.changes(after=seq):
            if row.id in changes.sessions:
                await print_new()

    asyncio.run(follow())
