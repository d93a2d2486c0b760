"""What all operations share: building events, giving them ids and handing them to the engine.

Nothing else writes into documents; rows follow from the projection.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from app.errors import NotFound, UserError
from app.sessions.bodies import (
    SPILL_BYTES,
    BlobStub,
    OpenedBody,
    decode_common,
    encode_draft,
    encode_stub,
    open_body,
)
from app.sessions.events import (
    Body,
    Draft,
)
from app.sessions.ids import MAX_COUNTER, event_id, new_id
from app.sessions.packing import resolve_stub, unpack_body
from app.sessions.redaction.capture import Capture
from app.sessions.redaction.finding import which_hold
from app.sessions.redaction.vault import Vault
from app.sessions.settling import current_fields
from sync.clock import Clock, Random
from sync.engine import Engine
from sync.repository.transaction import Transaction

Kind = TypeVar("Kind", bound=Body)


@dataclass(frozen=True, slots=True)
class SessionState:
    """What an append needs to know of a session."""

    row: int
    workspace: int
    counter: int
    title: str | None
    type: str
    agent: str | None
    cwd: str | None
    status: str
    trashed: bool


class Writing:
    """Use it on the engine's thread. workspace: row id of the workspace that new sessions go into."""

    def __init__(self, engine: Engine, workspace: int, clock: Clock, random: Random) -> None:
        self.workspace = workspace
        self._engine = engine
        self._clock = clock
        self._random = random

    @property
    def engine(self) -> Engine:
        """The engine behind, for what is not about sessions: members, devices, keys."""
        return self._engine

    def new_id(self) -> str:
        """A fresh id for a session or a turn."""
        return new_id(self._clock.now_ms(), self._random(10))

    def _append_to(self, session: str, workspace: int, counter: int, drafts: Sequence[Draft]) -> list[str]:
        if counter + len(drafts) > MAX_COUNTER:
            raise UserError(f"Session {session} is full. Fork it to go on.")
        device = self._engine.device.device_id
        ids, items = [], []
        bodies = [encode_draft(draft) for draft in drafts]
        suspects = which_hold(bodies)
        with self._engine.transaction() as tx:
            capture = self._capture(tx, session, workspace)
            for number, (draft, body) in enumerate(zip(drafts, bodies, strict=True)):
                kept = capture.draft(draft) if number in suspects else draft
                origin = draft.source.encode() if draft.source else device
                if kept is not draft:
                    body = encode_draft(kept)
                ids.append(event_id(counter + 1 + number, origin, body))
                if kept is not draft:
                    capture.stored(ids[-1], draft)
                items.append((ids[-1], self._spilled(tx, workspace, body).decode()))
            if items:
                self._engine.append(tx, workspace, session, items, lambda: self._opening(tx, session))
        return ids

    def _capture(self, tx: Transaction, session: str, workspace: int) -> Capture:
        """Takes secrets out of what goes into a session."""
        return Capture(tx.connection, self._vault(tx), session, workspace, self._random)

    def _vault(self, tx: Transaction) -> Vault:
        return Vault(tx.connection, self._engine.local_key)

    def _spilled(self, tx: Transaction, workspace: int, body: bytes) -> bytes:
        """The body, or the stub that stands for it once it was put into a blob."""
        if len(body) <= SPILL_BYTES:
            return body
        common = decode_common(body)
        if common is None or common.blob is not None:
            return body
        stored = self._engine.put_blob(tx, workspace, body)
        key = None if stored.key is None else base64.b64encode(stored.key).decode()
        return encode_stub(common, BlobStub(stored.id.hex(), stored.size, key))

    def _opening(self, tx: Transaction, session: str) -> str:
        """JSON `{field: [event id, value]}` of the session's fields now."""
        row = tx.connection.execute("SELECT row, counter FROM session WHERE id=?", (session,)).fetchone()
        fields = {} if row is None else current_fields(tx.connection, *row)
        return msgspec.json.encode(
            {name: (event, msgspec.Raw(value.encode())) for name, (event, value) in fields.items()}
        ).decode()

    def _session(self, tx: Transaction, session: str) -> SessionState:
        row = tx.connection.execute(
            "SELECT row, workspace, counter, title, type, agent, cwd, status, trashed FROM session WHERE id=?",
            (session,),
        ).fetchone()
        if row is None:
            raise NotFound(f"There is no session {session}. `lovelace sessions list` shows them.")
        return SessionState(*row)

    def _workspace_row(self, tx: Transaction, workspace: str) -> int:
        row = tx.connection.execute("SELECT row FROM workspace WHERE hex(id)=?", (workspace.upper(),)).fetchone()
        if row is None:
            raise NotFound(f"There is no workspace {workspace}. `lovelace workspace list` shows them.")
        return int(row[0])

    def _bodies(
        self, tx: Transaction, session: int, kind: str, type_: type[Kind], identity: bytes | None = None
    ) -> list[Kind]:
        """Bodies of one kind in a session, in order; spilled ones that are not here are left out.

        identity: only what this person has signed.
        """
        rows = tx.connection.execute(
            "SELECT e.body FROM event e JOIN author a ON a.row=e.author WHERE e.session=? AND e.kind=? "
            "AND (? IS NULL OR (a.identity=? AND NOT a.claimed)) ORDER BY e.id",
            (session, kind, identity, identity),
        ).fetchall()
        opened = [self._opened(tx, row[0]) for row in rows]
        return [one.body for one in opened if one is not None and isinstance(one.body, type_)]

    def _opened(self, tx: Transaction, stored: bytes | str) -> OpenedBody | None:
        return open_body(unpack_body(stored), lambda stub: resolve_stub(self._engine.blobs, tx.connection, stub))
