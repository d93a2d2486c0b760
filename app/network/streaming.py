"""Text that streams from the agents of one device to the screens of others, while it is being written.

What this home's agents and commands say stands in local tables until it is in the session (`app.sessions.recovering`).
Whoever runs the network sends what is new there to the devices that share the workspace, and keeps what comes from them
in the same tables (`app.sessions.far_operations`). Nothing of it is ever stored for good; a message that is lost shows
as a pause, because the next one says how much must be there before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from app.sessions.far_operations import FarDraft, FarOutput
from app.sessions.queries import Queries
from app.sessions.tables import FAR
from app.workspace import Workspace
from sync.crypto import decode, encode
from sync.errors import ProtocolError, SyncError
from sync.network.node import Node
from sync.protocol.happenings import Ended, Ephemeral, Happening, InSync

DRAFT, OUTPUT, OVER, PRESENCE = "draft", "output", "over", "presence"
PIECE = 30_000
"""Characters in one message."""
_Name = Annotated[str, Meta(max_length=128)]
_Agent = Annotated[str, Meta(max_length=256)] | None
_Text = Annotated[str, Meta(max_length=PIECE)]


class _Draft(Struct, frozen=True):
    session: _Name
    turn: _Name
    kind: _Name
    agent: _Agent
    at: Annotated[int, Meta(ge=0, le=1 << 20)]
    text: _Text


class _Output(Struct, frozen=True):
    session: _Name
    turn: _Name
    call: _Name
    number: Annotated[int, Meta(ge=0, le=1 << 40)]
    agent: _Agent
    text: _Text


class _Over(Struct, frozen=True):
    session: _Name
    turn: _Name


class _Presence(Struct, frozen=True):
    session: _Name
    typing: bool


Said = tuple[str, str, str]
"""(session, turn, kind of text or "output")."""


class Streaming:
    """Both directions, for one node."""

    def __init__(self, workspace: Workspace, node: Node) -> None:
        self._workspace = workspace
        self._node = node
        self._drafts: dict[Said, str] = {}
        self._outputs: dict[tuple[str, str, str, int], str] = {}
        self._due: set[str] = set()
        self._is_presence_due = False
        self._shown: tuple[bytes, str] | None = None
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Send what is new, until cancelled."""
        await self._workspace.write_async(lambda operations: operations.end_all_far())
        while True:
            await self._wake.wait()
            self._wake.clear()
            due, self._due = self._due, set()
            for session in due:
                await self._send(session)
            if self._is_presence_due:
                self._is_presence_due = False
                await self._send_presence()

    # out

    def committed(self, subjects: Iterable[str]) -> None:
        """Something was committed by a process of this home."""
        found = {subject.removeprefix("draft/") for subject in subjects if subject.startswith("draft/")}
        is_presence = any(subject.startswith("presence/") for subject in subjects)
        self._is_presence_due |= is_presence
        if found or is_presence:
            self._due |= found
            self._wake.set()

    async def _send(self, session: str) -> None:
        found = await self._workspace.read_async(lambda queries: _look(queries, session))
        if found is None:
            return
        workspace, drafts, outputs = found
        for draft in drafts:
            await self._send_draft(workspace, draft)
        for output in outputs:
            await self._send_output(workspace, output)
        there = {draft.turn for draft in drafts} | {output.turn for output in outputs}
        said = {key[1] for key in self._drafts if key[0] == session} | {
            key[1] for key in self._outputs if key[0] == session
        }
        for turn in said - there:
            await self._end(workspace, session, turn)

    async def _send_draft(self, workspace: bytes, draft: FarDraft) -> None:
        key = (draft.session, draft.turn, draft.kind)
        before = self._drafts.get(key, "")
        at = len(before) if draft.text.startswith(before) else 0
        if len(draft.text) == at and key in self._drafts:
            return
        for start in range(at, max(len(draft.text), at + 1), PIECE):
            text = draft.text[start : start + PIECE]
            piece = _Draft(draft.session, draft.turn, draft.kind, draft.agent, start, text)
            await self._pass_on(workspace, DRAFT, piece)
        self._drafts[key] = draft.text

    async def _send_output(self, workspace: bytes, output: FarOutput) -> None:
        key = (output.session, output.turn, output.call, output.number)
        if self._outputs.get(key) != output.text:
            text = output.text[-PIECE:]
            piece = _Output(output.session, output.turn, output.call, output.number, output.agent, text)
            await self._pass_on(workspace, OUTPUT, piece)
            self._outputs[key] = output.text

    async def _end(self, workspace: bytes, session: str, turn: str) -> None:
        self._drafts = {key: text for key, text in self._drafts.items() if key[:2] != (session, turn)}
        self._outputs = {key: text for key, text in self._outputs.items() if key[:2] != (session, turn)}
        await self._pass_on(workspace, OVER, _Over(session, turn))

    async def _send_presence(self) -> None:
        """Say what this home's window shows now, and that it does not show what it showed before."""
        shown = await self._workspace.read_async(_own_presence)
        if self._shown is not None and (shown is None or shown[0] != self._shown[0]):
            await self._pass_on(self._shown[0], PRESENCE, _Presence("", False))
        self._shown = None if shown is None else (shown[0], shown[1])
        if shown is not None:
            workspace, session, typing = shown
            await self._pass_on(workspace, PRESENCE, _Presence(session, typing))

    async def _pass_on(self, workspace: bytes, topic: str, piece: Struct) -> None:
        await self._node.pass_on(workspace, topic, encode(msgspec.to_builtins(piece)))

    def _say_all_again(self) -> None:
        """Somebody new is there, who has heard nothing of what is being said."""
        self._due |= {key[0] for key in self._drafts} | {key[0] for key in self._outputs}
        self._drafts.clear()
        self._outputs.clear()
        self._is_presence_due = True
        self._wake.set()

    # in

    async def happened(self, peer: bytes, happening: Happening) -> None:
        """Something came from a peer, or its conversation changed."""
        match happening:
            case InSync():
                self._say_all_again()
            case Ended():
                await self._workspace.write_async(lambda operations: operations.end_all_far(peer.hex()))
                await self._workspace.write_async(lambda operations: operations.end_presence(peer))
            case Ephemeral(workspace=workspace, device=device, topic=topic, payload=payload):
                try:
                    await self._take(workspace, device, topic, payload)
                except (ProtocolError, msgspec.ValidationError, SyncError):
                    return  # malformed, or there is no room: what is being said is in the session soon

    async def _take(self, workspace: bytes, device: bytes, topic: str, payload: bytes) -> None:
        if topic == PRESENCE:
            here = msgspec.convert(decode(payload), _Presence)
            await self._workspace.write_async(
                lambda operations: (
                    operations.save_far_presence(device, workspace, here.session, typing=here.typing)
                    if here.session
                    else operations.end_presence(device)
                )
            )
            return
        name = device.hex()
        if topic not in (DRAFT, OUTPUT, OVER) or not await self._may_write(workspace, device):
            return
        value = decode(payload)
        if topic == DRAFT:
            d = msgspec.convert(value, _Draft)
            draft = FarDraft(d.session, d.turn, d.kind, d.agent, d.at, d.text)
            await self._workspace.write_async(lambda operations: operations.save_far_draft(name, workspace, draft))
        elif topic == OUTPUT:
            o = msgspec.convert(value, _Output)
            output = FarOutput(o.session, o.turn, o.call, o.number, o.agent, o.text)
            await self._workspace.write_async(lambda operations: operations.save_far_output(name, workspace, output))
        else:
            over = msgspec.convert(value, _Over)
            await self._workspace.write_async(lambda operations: operations.end_far(name, over.session, over.turn))

    async def _may_write(self, workspace: bytes, device: bytes) -> bool:
        return await self._workspace.write_async(
            lambda operations: operations.engine.replica.may_write(workspace, device)
        )


def _own_presence(queries: Queries) -> tuple[bytes, str, bool] | None:
    """(workspace, session, typing) of what this home's window shows."""
    row = queries.connection.execute(
        "SELECT w.id, p.session, p.typing FROM presence p JOIN device d ON d.id=p.device AND d.is_own "
        "JOIN session s ON s.id=p.session JOIN workspace w ON w.row=s.workspace"
    ).fetchone()
    return None if row is None else (bytes(row[0]), row[1], bool(row[2]))


def _look(queries: Queries, session: str) -> tuple[bytes, list[FarDraft], list[FarOutput]] | None:
    """The workspace of a session, and what this home's own agents and commands are saying in it."""
    connection = queries.connection
    found = connection.execute(
        "SELECT w.id FROM session s JOIN workspace w ON w.row=s.workspace WHERE s.id=?", (session,)
    ).fetchone()
    if found is None:
        return None
    own = f"process NOT LIKE '{FAR}%'"
    drafts = connection.execute(
        f"SELECT session, turn, kind, agent, text FROM draft WHERE session=? AND {own}", (session,)
    ).fetchall()
    outputs = connection.execute(
        f"SELECT session, turn, call, number, agent, text FROM output WHERE session=? AND {own} ORDER BY number",
        (session,),
    ).fetchall()
    return (
        bytes(found[0]),
        [FarDraft(s, turn, kind, agent, 0, text) for s, turn, kind, agent, text in drafts],
        [FarOutput(*row) for row in outputs],
    )
