"""Homes that share a session by a link and homes that open it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

from app.network.opening import Connect, Opened, open_link
from app.network.sharing import share
from app.sessions.events import Draft, UserMessage
from app.sessions.link_operations import LinkWish
from app.sessions.links import parse_link
from app.workspace import Workspace
from sync.store.links import IssuedLink

SENTINEL = "sentinel-plaintext"


def say(home: Workspace, session: str, *texts: str) -> list[str]:
    """Prompts in a session."""
    drafts = [Draft(body=UserMessage(text=text), time=1_000 + at) for at, text in enumerate(texts)]
    return home.write(lambda operations: operations.append(session, drafts))


def session_of(home: Workspace, *texts: str, title: str = f"{SENTINEL} title") -> str:
    """A new session with prompts."""
    session = home.write(lambda operations: operations.create(title=title))
    say(home, session, *texts)
    return session


def share_at(home: Workspace, session: str, folder: Path, **wish: object) -> IssuedLink:
    """A link whose copy lies in a folder."""
    folder.mkdir(exist_ok=True)
    wanted = LinkWish(places=(str(folder),), urls=(folder.as_uri(),), **wish)  # type: ignore[arg-type]
    return asyncio.run(share(home, session, wanted))


def open_text(home: Workspace, text: str | None, connect: Connect | None = None) -> Opened:
    """Open a link as a person would, by its text."""
    assert text is not None
    return asyncio.run(open_link(home, parse_link(text), connect))


def texts_of(home: Workspace, session: str) -> list[str]:
    """What the prompts of a session say."""
    rows = home.read(lambda queries: list(queries.events(session)))
    return [row.body.text for row in rows if isinstance(row.body, UserMessage)]


def everything_in(folder: Path) -> Iterable[tuple[str, bytes]]:
    """(path below the folder, content) of all files."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(folder)), path.read_bytes()
