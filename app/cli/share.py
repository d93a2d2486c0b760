"""`lovelace share`: a link that lets others read a session."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from app.cli.call import call_of
from app.cli.declared import find_sessions, group
from app.cli.errors import UsageError
from app.cli.times import parse_expiry, time_format
from app.errors import UserError
from app.sessions.links import SHARED_PAGE
from app.sessions.views import iso_time

if TYPE_CHECKING:
    from app.cli.call import Call
    from sync.store.links import IssuedLink

cli = group("")

_LIVE = "It is given by this device alone, while Lovelace runs and others can reach it. --to publishes it elsewhere."
_KEPT = "Whoever has opened it keeps what they read, also after the link has ended."


@cli.command()
def share(
    context: typer.Context,
    session: Annotated[str, typer.Argument(metavar="ID", help="A session, by a unique prefix of its id.")],
    expires: Annotated[
        str | None, typer.Option(metavar="D", help="When it ends: a time, a date, or in 7d or 12h. Default: never.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="One device may open it, once; given live only.")] = False,
    to: Annotated[
        str | None, typer.Option(metavar="PATH|URI", help="Publish the encrypted copy there: a folder, s3:, webdavs:.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where others read that place without credentials.")
    ] = None,
    page: Annotated[str, typer.Option(metavar="URL", help="A web page that the link is to stand on.")] = SHARED_PAGE,
) -> None:
    """Print a link that lets anybody who has it read a session, and nothing else.

    It is given by this device while Lovelace runs here, and published in a mailbox of the workspace that anybody can
    read, or where --to says. A fork comes with what it inherits; sub-sessions and what was erased do not.
    """
    call = call_of(context)
    with call.workspace() as workspace:
        [found] = find_sessions(workspace, [session])
        ends = parse_expiry(expires, workspace.clock.now_ms())
        _check(to, url, page, once=once)
        from app.network.sharing import make_wish, open_place
        from app.network.sharing import share as share_session

        where = _named(to, url) if to is not None else None if once else open_place(workspace, found)
        wish = make_wish(workspace, ends, where, page, once=once)
        with call.out.progress("Publishing"):
            link = asyncio.run(share_session(workspace, found, wish, at_once=to is not None))
    _print(call, link, live=where is None)


def _check(to: str | None, url: str | None, page: str, *, once: bool) -> None:
    if once and to is not None:
        raise UsageError("--once needs this device to be asked: a copy at --to can be read any number of times.")
    if url is not None and to is None:
        raise UsageError("--url says where others read what --to publishes. Give both.")
    if page != SHARED_PAGE and urlsplit(page).scheme not in ("http", "https"):
        raise UsageError("--page takes the address of a web page, beginning with https://")


def _named(to: str, url: str | None) -> tuple[str, str]:
    from app.network.sharing import named_place

    try:
        return named_place(to, url or "")
    except UserError:
        raise UsageError(
            "--url is missing: where others read that place without credentials, beginning with https://"
        ) from None


def _print(call: Call, link: IssuedLink, *, live: bool) -> None:
    if call.out.json:
        ends = None if link.expires is None else iso_time(link.expires)
        call.out.value({"id": link.id.hex(), "link": link.text, "expires": ends, "once": link.once})
        return
    call.out.line(link.text or "")
    if link.expires is not None:
        call.out.remark(f"It ends at {time_format(call.out)(link.expires)}.")
    call.out.remark(f"{_LIVE} {_KEPT}" if live else _KEPT)
