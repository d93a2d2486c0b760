"""The tools that change files: write, edit."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import Annotated

from msgspec import Meta

from app.agents.tools.failure import ToolFailure
from app.agents.tools.folders import Target, read_existing, write_file
from app.agents.tools.looking import MAX_FILE_BYTES
from app.agents.tools.tool import PathArguments, Site, path_tool
from app.sessions.diff import Diff, decode_text, unified_diff
from app.sessions.events import FileChange
from app.sessions.languages import language_of


class WriteArguments(PathArguments, frozen=True):
    """Arguments of the tool."""

    path: Annotated[str, Meta(description="A file, relative to the workspace.")]
    content: Annotated[str, Meta(description="The whole text of the file.")]


class EditArguments(PathArguments, frozen=True):
    """Arguments of the tool."""

    path: Annotated[str, Meta(description="A file, relative to the workspace.")]
    old: Annotated[str, Meta(min_length=1, description="The text to replace, exactly as it is in the file.")]
    new: Annotated[str, Meta(description="The text to put in its place.")]
    all: Annotated[bool, Meta(description="Replace every occurrence instead of the only one.")] = False


async def _write(site: Site, arguments: WriteArguments) -> str:
    target = changeable(site, arguments.path)
    before = await asyncio.to_thread(read_existing, target, MAX_FILE_BYTES)
    after = encode_text(arguments.content)
    diff = await change_file(site, target, before, after)
    verb = "Created" if before is None else "Wrote"
    return f"{verb} {target.name}: {len(after)} bytes, lines +{diff.added} -{diff.removed}."


async def _edit(site: Site, arguments: EditArguments) -> str:
    target = changeable(site, arguments.path)
    before = await asyncio.to_thread(read_existing, target, MAX_FILE_BYTES)
    if before is None:
        raise ToolFailure(f"'{target.name}': no such file. Use write to create it.")
    text = decode_text(before)
    if text is None:
        raise ToolFailure(f"'{target.name}' is not a text file.")
    diff = await change_file(site, target, before, encode_text(_replace(text, arguments, target.name)))
    return f"Changed {target.name}: lines +{diff.added} -{diff.removed}."


def changeable(site: Site, path: str) -> Target:
    """The file that a name means. Raises ToolFailure where it is outside, or the rules do not allow changing it."""
    target = site.folders.resolve(path)
    if (refusal := site.rules.refuse_change(target.name)) is not None:
        raise ToolFailure(refusal)
    return target


def encode_text(text: str) -> bytes:
    """A text as a file holds it. Raises ToolFailure where it is too large, or no text."""
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise ToolFailure("The text holds characters that cannot be written to a file.") from error
    if len(data) > MAX_FILE_BYTES:
        raise ToolFailure(f"The text is too large: {len(data)} bytes, the limit is {MAX_FILE_BYTES}.")
    return data


def _replace(text: str, arguments: EditArguments, name: str) -> str:
    old, new = arguments.old, arguments.new
    if old not in text and "\r\n" in text:
        old, new = (part.replace("\r\n", "\n").replace("\n", "\r\n") for part in (old, new))
    count = text.count(old)
    if not count:
        raise ToolFailure(f"The text to replace is not in '{name}'. Read the file and give the text exactly.")
    if count > 1 and not arguments.all:
        raise ToolFailure(f"The text to replace is {count} times in '{name}'. Give more of its surroundings, or all.")
    return text.replace(old, new)


async def change_file(site: Site, target: Target, before: bytes | None, after: bytes) -> Diff:
    """Write the file and record the change with both contents."""
    old, new = None if before is None else decode_text(before), decode_text(after)
    binary = new is None or (before is not None and old is None)
    diff = Diff("", 0, 0) if binary else await asyncio.to_thread(unified_diff, target.name, old, new)
    kept_before = None if before is None else await site.keep(before, target.name)
    kept_after = await site.keep(after, target.name)
    with site.files.writing(target.name, after, kept_after) if site.files else nullcontext():
        await asyncio.to_thread(write_file, target, after)
    if before != after:
        site.emit(
            FileChange(
                path=target.name,
                language=language_of(target.name),
                before=kept_before,
                after=kept_after,
                diff=diff.text,
                added=diff.added,
                removed=diff.removed,
                binary=binary,
                call_id=site.call_id,
            )
        )
    return diff


WRITE = path_tool("write", "Create a text file, or replace all of it.", "edit", WriteArguments, _write)
EDIT = path_tool("edit", "Replace a piece of text in a file.", "edit", EditArguments, _edit)
