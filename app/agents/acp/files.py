"""What an external agent reads and writes through us, and what its calls have changed: inside the folders only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from app.agents.acp.calls import CallState, Claim
from app.agents.acp.connection import Refusal
from app.agents.acp.values import integer, text
from app.agents.backend import SessionContext, Update
from app.agents.files.changes import NO_FILE, UNSEEN, Side, file_change
from app.agents.permission import NEVER, ruling_of
from app.agents.policy_setting import as_now
from app.agents.tools.changing import WRITE
from app.agents.tools.failure import ToolFailure
from app.agents.tools.folders import Folders, Target, read_existing, read_file
from app.agents.tools.looking import MAX_FILE_BYTES, READ
from app.agents.tools.tool import Site
from app.sessions.diff import decode_text
from app.sessions.events import Body, FileChange, FileRead

MOST_NAMES = 10_000
COMMAND_KEYS = frozenset({"command", "cmd", "script", "code"})
"""What these hold is shown and granted as it is."""


class AgentFiles:
    """The files of one conversation."""

    def __init__(self, context: SessionContext, folders: Folders | None, emit: Callable[[Update], None]) -> None:
        self._context = context
        self._folders = folders
        self._emit = emit
        self._names: dict[str, str | None] = {}

    async def read(self, params: dict[str, Any]) -> dict[str, Any]:
        """The text of a file, from `line` (counted from 1), at most `limit` lines. Raises Refusal."""
        folders = self._required()
        try:
            target = folders.resolve(text(params.get("path")))
            policy = await as_now(self._context.policy, self._context.policies)
            if ruling_of(policy, READ.name, None, target.name) == "never":
                raise Refusal(NEVER)
            data = await asyncio.to_thread(read_file, target, MAX_FILE_BYTES)
        except ToolFailure as failure:
            raise Refusal(str(failure)) from failure
        content = decode_text(data)
        if content is None:
            raise Refusal(f"'{target.name}' is not a text file.")
        first, limit = max(1, integer(params.get("line")) or 1), integer(params.get("limit"))
        if first == 1 and limit is None:
            return {"content": content}
        lines = content.splitlines(keepends=True)[first - 1 :]
        return {"content": "".join(lines if limit is None else lines[: max(0, limit)])}

    async def write(self, params: dict[str, Any], call: CallState) -> dict[str, Any]:
        """Replace or create a file, recorded as a change of the call. Raises Refusal.

        Some agents write the file by themselves as well; where they were first, the watch tells of the change.
        """
        folders, context = self._required(), self._context
        site = Site(call.call_id, folders, context.rules, self._emit, context.keep, False, context.files)
        try:
            arguments = WRITE.parse({"path": params.get("path"), "content": params.get("content")})
            target = folders.resolve(arguments.path)
            if call.is_watched and await asyncio.to_thread(_has, target, arguments.content):
                return {}
            call.written.add(target.name)
            await WRITE.perform(site, arguments)
        except (ToolFailure, msgspec.ValidationError) as failure:
            raise Refusal(str(failure)) from failure
        return {}

    def name(self, path: str) -> str | None:
        """The workspace-relative name of a path, for events; None for what is outside."""
        if path not in self._names:
            if len(self._names) >= MOST_NAMES:
                self._names.clear()
            self._names[path] = self._resolved(path)
        return self._names[path]

    def _resolved(self, path: str) -> str | None:
        try:
            return None if self._folders is None else self._folders.resolve(path).name
        except ToolFailure:
            return None

    def relative(self, value: Any) -> Any:
        """A value of a call with the paths of the folders as events name them: where the folders are stays here."""
        match value:
            case str() if self._folders is not None and value.startswith("/") and "\n" not in value:
                return self.name(value) or value
            case dict():
                return {key: inner if key in COMMAND_KEYS else self.relative(inner) for key, inner in value.items()}
            case list():
                return [self.relative(inner) for inner in value]
        return value

    def folder(self, path: str) -> str:
        """Where a command ran, as events name it; '.' also for what is outside."""
        return (self.name(path) or ".") if path else "."

    def reads(self, call: CallState) -> list[FileRead]:
        """The files that a call has read."""
        names = [name for path in call.paths() if (name := self.name(path)) is not None]
        return [FileRead(path=name, call_id=call.call_id) for name in dict.fromkeys(names) if name != "."]

    # what calls changed

    async def settled(self) -> None:
        """Until the folders have been looked at, so that the first change is seen as one."""
        if self._context.files is not None:
            await self._context.files.looked()

    async def watch(self, call: CallState) -> None:
        """From now on what changes is the call's."""
        if self._context.files is not None and not call.is_watched:
            call.is_watched = True
            await self._context.files.command_began(settle=False)

    async def changes(self, call: CallState) -> list[Body]:
        """What has changed since `watch`; without a watch, what the agent says and the disk does not belie."""
        files = self._context.files
        if files is None:
            return [change for claim in call.claims() if (change := await self._believed(claim, call)) is not None]
        if not call.is_watched:
            return []
        call.is_watched = False
        found = await files.command_ended(call.call_id)
        return found if call.kind == "execute" else list(_by_tool(found))

    async def _believed(self, claim: Claim, call: CallState) -> FileChange | None:
        if self._folders is None or call.status != "completed":
            return None
        try:
            target = self._folders.resolve(claim.path)
            data = await asyncio.to_thread(read_existing, target, MAX_FILE_BYTES)
        except ToolFailure:
            return None
        if target.name in call.written:
            return None
        now = None if data is None else decode_text(data)
        if data is None or now is None or claim.new not in now or claim.new == claim.old:
            return None
        after = Side(True, data, await self._context.keep(data, target.name))
        return file_change(target.name, await self._before(claim, now, target.name), after, "tool", call.call_id)

    async def _before(self, claim: Claim, now: str, name: str) -> Side:
        """The file before a change: as it is now, with the piece put back."""
        if claim.old is None or (claim.old == "" and claim.new == now):
            return NO_FILE
        if now != claim.new and (not claim.new or now.count(claim.new) != 1):
            return UNSEEN
        data = now.replace(claim.new, claim.old).encode()
        return Side(True, data, await self._context.keep(data, name))

    def _required(self) -> Folders:
        if self._folders is None:
            raise Refusal("This session has no folder to work in.")
        return self._folders


def _has(target: Target, content: str) -> bool:
    return read_existing(target, MAX_FILE_BYTES) == content.encode("utf-8", "replace")


def _by_tool(changes: Iterable[Body]) -> Iterable[Body]:
    for change in changes:
        yield msgspec.structs.replace(change, cause="tool") if isinstance(change, FileChange) else change
