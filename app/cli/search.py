"""`lovelace search`: messages, commands, output, paths, diffs and titles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.call import call_of
from app.cli.declared import group
from app.cli.output import BOLD, DIM
from app.cli.sessions import Since, Type, Until
from app.cli.text import SHORT_ID
from app.cli.times import parse_bound, time_format

if TYPE_CHECKING:
    from app.cli.output import Output
    from app.sessions.views import SearchHit

cli = group("")


@cli.command()
def search(
    context: typer.Context,
    query: Annotated[str, typer.Argument(metavar="QUERY", help='Words, "a phrase", or a beginning*.')],
    session: Annotated[str | None, typer.Option(metavar="ID", help="Only in this session.")] = None,
    type: Annotated[Type | None, typer.Option(help="Only in sessions of this type.")] = None,
    kind: Annotated[str | None, typer.Option(metavar="KIND", help="Only events of this kind.")] = None,
    since: Since = None,
    until: Until = None,
    author: Annotated[str | None, typer.Option(metavar="A", help="Only what this person wrote.")] = None,
    rank: Annotated[bool, typer.Option("--rank", help="The best first instead of the newest.")] = False,
    limit: Annotated[int, typer.Option(metavar="N", min=0, help="At most so many.")] = 50,
) -> None:
    """Search everything said and done in the workspace's sessions, the newest first."""
    from app.sessions.filters import SearchFilter

    call = call_of(context)
    with call.workspace() as workspace:
        now = workspace.clock.now_ms()
        chosen = workspace.read(lambda queries: queries.session(session).id) if session else None
        wanted = SearchFilter(
            session=chosen,
            type=type,
            kind=kind,
            since=parse_bound(since, "since", now),
            until=parse_bound(until, "until", now),
            author=author,
            rank=rank,
            limit=limit,
        )
        hits = workspace.read(lambda queries: queries.search(query, wanted))
    _print_hits(call.out, hits)


def _print_hits(out: Output, hits: list[SearchHit]) -> None:
    show_time = time_format(out)
    if out.json:
        out.value([hit.to_json() for hit in hits])
    elif out.terminal:
        for hit in hits:
            out.line(hit.title, BOLD)
            out.line(f"  {hit.session[:SHORT_ID]}  {hit.event[:SHORT_ID]}  {show_time(hit.time)}  {hit.kind}", DIM)
            out.line("  " + " ".join(hit.snippet.split()))
    else:
        out.table(
            ["SESSION", "EVENT", "TIME", "KIND", "TITLE", "SNIPPET"],
            ((hit.session, hit.event, show_time(hit.time), hit.kind, hit.title, hit.snippet) for hit in hits),
        )
