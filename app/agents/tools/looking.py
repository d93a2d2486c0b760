"""The tools that look: list, read, search."""

from __future__ import annotations

import asyncio
import hashlib
import time
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from app.agents.tools.failure import ToolFailure
from app.agents.tools.folders import Folders, Target, read_file
from app.agents.tools.tool import Arguments, PathArguments, Site, Tool, path_tool
from app.agents.tools.walk import walk
from app.sessions.diff import decode_text
from app.sessions.events import FileRead

MAX_FILE_BYTES = 4 * 1024 * 1024
_LIST_LINES = 500
_OVERVIEW_NAMES = 40
_READ_LINES = 2000
_READ_CHARACTERS = 60_000
_LINE_CHARACTERS = 2000
_SEARCH_HITS = 100
_SEARCH_SECONDS = 10.0


class ListArguments(PathArguments, frozen=True):
    """Arguments of the tool."""

    path: Annotated[str, Meta(description="A folder, relative to the workspace; . is the workspace itself.")] = "."
    depth: Annotated[int, Meta(ge=1, le=8, description="How many levels to list.")] = 2


class ReadArguments(PathArguments, frozen=True):
    """Arguments of the tool."""

    path: Annotated[str, Meta(description="A file, relative to the workspace.")]
    first: Annotated[int | None, Meta(description="First line to read, counted from 1.")] = None
    last: Annotated[int | None, Meta(description="Last line to read.")] = None


class SearchArguments(Arguments, frozen=True):
    """Arguments of the tool."""

    text: Annotated[
        str,
        Meta(min_length=1, max_length=1000, description="The text to find, as it is written; case is ignored."),
    ]
    path: Annotated[str, Meta(description="A folder or file to search in.")] = "."


async def _list(site: Site, arguments: ListArguments) -> str:
    target = site.folders.resolve(arguments.path)
    if not target.path.is_dir():
        raise ToolFailure(f"'{target.name}' is not a folder.")
    lines = await asyncio.to_thread(_list_lines, site.folders, target, arguments.depth)
    return "\n".join(lines) or "The folder is empty."


def _list_lines(folders: Folders, target: Target, depth: int) -> list[str]:
    lines: list[str] = []
    for entry in walk(folders, target.path, depth):
        if len(lines) == _LIST_LINES:
            lines.append(f"… more than {_LIST_LINES} entries: list a folder below, or fewer levels.")
            break
        lines.append(folders.display(Path(entry.path)) + ("/" if entry.is_dir(follow_symlinks=False) else ""))
    if target.path == folders.roots[0]:
        lines.extend(f"{folders.names[root]}/" for root in folders.roots[1:])
    return lines


def overview(folders: Folders) -> str:
    """The names at the top of the folders on one line, so that an agent knows from the start what it may look at."""
    names = _list_lines(folders, folders.resolve("."), depth=1)
    return ", ".join(names[:_OVERVIEW_NAMES]) + (", …" if len(names) > _OVERVIEW_NAMES else "")


async def _read(site: Site, arguments: ReadArguments) -> str:
    target = site.folders.resolve(arguments.path)
    data = await asyncio.to_thread(read_file, target, MAX_FILE_BYTES)
    text = decode_text(data)
    if text is None:
        site.emit(FileRead(path=target.name, call_id=site.call_id))
        return f"A binary file of {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}."
    whole = arguments.first is None and arguments.last is None
    first = max(1, arguments.first or 1)
    lines = text.split("\n")
    last = min(len(lines), arguments.last or len(lines), first + _READ_LINES - 1)
    site.emit(
        FileRead(path=target.name, call_id=site.call_id)
        if whole and last == len(lines)
        else FileRead(path=target.name, first=first, last=max(first, last), call_id=site.call_id)
    )
    return _cut(lines, first, last)


def _cut(lines: list[str], first: int, last: int) -> str:
    """The lines first…last as text of a bounded size; says what is missing."""
    taken: list[str] = []
    size = 0
    for number in range(first, last + 1):
        line = lines[number - 1]
        if len(line) > _LINE_CHARACTERS:
            line = f"{line[:_LINE_CHARACTERS]}… ({len(line)} characters)"
        size += len(line) + 1
        if size > _READ_CHARACTERS:
            last = number - 1
            break
        taken.append(line)
    text = "\n".join(taken)
    return text if last >= len(lines) else f"{text}\n… lines {last + 1} to {len(lines)} not shown."


async def _search(site: Site, arguments: SearchArguments) -> str:
    target = site.folders.resolve(arguments.path)
    if not target.path.exists():
        raise ToolFailure(f"'{target.name}': no such file or directory.")
    starts = [target.path]
    if target.path == site.folders.roots[0]:
        starts += [root for root in site.folders.roots[1:] if not root.is_relative_to(target.path)]
    hits = await asyncio.to_thread(_find, site, starts, arguments.text)
    return "\n".join(hits) or "Nothing found."


def _find(site: Site, starts: list[Path], text: str) -> list[str]:
    wanted, folders = text.casefold(), site.folders
    until = time.monotonic() + _SEARCH_SECONDS
    hits: list[str] = []
    for path in (path for start in starts for path in _files(folders, start)):
        if time.monotonic() > until:
            return [*hits, "… the search took too long: search in a folder below."]
        if site.hides(folders.display(path)):
            continue
        for number, line in enumerate(_text_lines(folders, path), 1):
            if wanted in line.casefold():
                hits.append(f"{folders.display(path)}:{number}: {line.strip()[:300]}")
                if len(hits) == _SEARCH_HITS:
                    return [*hits, f"… more than {_SEARCH_HITS} hits: search for something more particular."]
    return hits


def _files(folders: Folders, start: Path) -> list[Path]:
    if start.is_file():
        return [start]
    return [Path(entry.path) for entry in walk(folders, start) if entry.is_file(follow_symlinks=False)]


def _text_lines(folders: Folders, path: Path) -> list[str]:
    try:
        text = decode_text(read_file(folders.resolve(folders.display(path)), MAX_FILE_BYTES))
    except ToolFailure:
        return []
    return [] if text is None else text.split("\n")


LIST = path_tool("list", "List files and folders.", "search", ListArguments, _list)
READ = path_tool("read", "Read a text file.", "read", ReadArguments, _read)
SEARCH = Tool(
    name="search",
    description="Find a text in the files of the workspace; gives file, line number and line.",
    kind="search",
    arguments=SearchArguments,
    title=lambda a: f"Search for {a.text}",
    perform=_search,
)
