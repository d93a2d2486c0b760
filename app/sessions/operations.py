"""Operations: everything that changes sessions, each in one transaction of the writing thread.

An operation builds events, gives them ids and hands them to the engine; rows follow from the projection. Nothing else
writes into documents.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from app.errors import NotFound, UserError
from app.sessions import purging
from app.sessions.bodies import (
    SPILL_BYTES,
    BlobStub,
    OpenedBody,
    Restored,
    decode_common,
    encode_draft,
    encode_restored,
    encode_stub,
    open_body,
)
from app.sessions.digests import DigestSet
from app.sessions.events import (
    AgentMessage,
    AgentThought,
    BlobRef,
    Body,
    Draft,
    Notice,
    PermissionAnswer,
    PermissionChoice,
    PermissionRequest,
    SessionSet,
    UserMessage,
)
from app.sessions.fields import CURRENT_WORKSPACE, PROFILE_NOTE, title_from
from app.sessions.ids import COUNTER_CHARACTERS, MAX_COUNTER, counter_of, derived_id, event_digest, event_id, new_id
from app.sessions.life import pausing, resuming
from app.sessions.lineage import conversation, find_event
from app.sessions.packing import blob_key, resolve_stub, unpack_body
from app.sessions.purging import Purged, note_name
from app.sessions.relinking import replaced_by, vanished
from app.sessions.settling import current_fields
from sync.clock import Clock, Random
from sync.engine import Engine, Transaction
from sync.store.purge import is_purged

Kind = TypeVar("Kind", bound=Body)


@dataclass(frozen=True, slots=True)
class ImportTarget:
    """A session that an import writes into. digests: those of the events already there (see `ids.event_digest`).

    last: the greatest id of them.
    """

    session: str
    is_new: bool
    digests: Container[str]
    last: str = ""


class _Everything(Container[str]):
    """The digests of a purged session: whatever an import brings is not new."""

    def __contains__(self, digest: object) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class RawEvent:
    """An event whose id is known already: from an export. body: the JSON that the id was made from."""

    id: str
    body: bytes
    author: Restored


class SessionOperations:
    """Use it on the engine's thread. workspace: row id of the workspace that new sessions go into."""

    def __init__(self, engine: Engine, workspace: int, clock: Clock, random: Random) -> None:
        self.workspace = workspace
        self._engine = engine
        self._clock = clock
        self._random = random

    def inside(self, workspace: str) -> SessionOperations:
        """The same operations for another workspace of the home (its id)."""
        with self._engine.transaction() as tx:
            row = self._workspace_row(tx, workspace)
        return SessionOperations(self._engine, row, self._clock, self._random)

    # sessions

    def create(
        self,
        *,
        title: str | None = None,
        type: str = "interactive",
        agent: str | None = None,
        cwd: str | None = None,
        tags: Sequence[str] = (),
        parent: Mapping[str, Any] | None = None,
    ) -> str:
        """A new session with these fields; gives its id."""
        now = self._clock.now_ms()
        session = self.new_id()
        given: dict[str, Any] = {
            "title": title,
            "agent": agent,
            "cwd": cwd,
            "parent": parent,
            "tags": list(tags),
        }
        fields = {"type": type, "status": "active"} | {name: value for name, value in given.items() if value}
        self._append_to(session, self.workspace, 0, [Draft(body=SessionSet(fields=fields), time=now)])
        return session

    def append(self, session: str, drafts: Sequence[Draft]) -> list[str]:
        """Append events in one change; gives their ids. A first prompt also names a session that has no title."""
        with self._engine.transaction() as tx:
            row = self._session(tx, session)
            naming = [] if row.title else _naming(drafts)
            self._end_drafts(tx, session, drafts)
            return self._append_to(session, row.workspace, row.counter, [*drafts, *naming])[: len(drafts)]

    def set_fields(self, session: str, fields: Mapping[str, Any]) -> None:
        """Set session fields (see `fields.py`), such as title, tags, archived, trashed, status."""
        self.append(session, [Draft(body=SessionSet(fields=dict(fields)), time=self._clock.now_ms())])

    def set_all(self, sessions: Sequence[str], fields: Mapping[str, Any]) -> None:
        """Set the same fields of several sessions, or of none of them."""
        with self._engine.transaction():
            for session in sessions:
                self.set_fields(session, fields)

    def take_title(self, session: str, title: str, *, prompt: str, agent: str) -> bool:
        """Give a session the title that an agent proposes; gives whether it was taken.

        Not where the title is another than the one made from the first prompt, or was set more than once: that is a
        person's.
        """
        with self._engine.transaction() as tx:
            row = self._session(tx, session)
            (times,) = tx.connection.execute(
                "SELECT count(*) FROM session_field WHERE session=? AND field='title'", (row.row,)
            ).fetchone()
            if times > 1 or row.title != title_from(prompt):
                return False
            body = SessionSet(fields={"title": title})
            self.append(session, [Draft(body=body, time=self._clock.now_ms(), agent=agent)])
        return True

    def pause(self, sessions: Sequence[str]) -> None:
        """Pause sessions, or none of them. UserError where one cannot be paused."""
        self._change_status(sessions, pausing)

    def resume(self, sessions: Sequence[str]) -> None:
        """Make paused sessions active again, or none of them. UserError where one cannot be resumed."""
        self._change_status(sessions, resuming)

    def _change_status(self, sessions: Sequence[str], change: Callable[..., list[Body]]) -> None:
        now = self._clock.now_ms()
        with self._engine.transaction() as tx:
            for session in sessions:
                row = self._session(tx, session)
                bodies = change(session, row.status, trashed=row.trashed)
                self.append(session, [Draft(body=body, time=now) for body in bodies])

    def purge(self, sessions: Sequence[str]) -> Purged:
        """Erase sessions and their sub-sessions from every file of the home, for good.

        Sessions that were forked from them get a notice that they lost what they inherited.
        """
        now = self._clock.now_ms()
        with self._engine.transaction(durable=True) as tx:
            workspaces = {self._session(tx, session).workspace: None for session in sessions}
            if len(workspaces) > 1:
                raise UserError("These sessions are in several workspaces. Purge those of one workspace at a time.")
            [workspace] = workspaces or {self.workspace}
            gone = purging.with_sub_sessions(tx.connection, workspace, sessions)
            forks = purging.forks_of(tx.connection, workspace, gone)
            blobs = purging.delete_rows(tx.connection, workspace, gone)
            self._engine.purge(tx, workspace, purging.document_names(gone), blobs)
            for session in gone:
                tx.touch(f"session/{session}")
            for fork in forks:
                self.append(fork, [Draft(body=Notice(text=purging.LOST, level="warning"), time=now)])
        emptied = self._engine.erase(lambda connection: purging.unused_blobs(connection, blobs))
        return Purged(tuple(gone), tuple(forks), emptied)

    def answer(self, session: str, request: str, choice: PermissionChoice) -> str:
        """Answer a permission request that waits in a session, whichever process asks; gives the request's id.

        request: its id or a unique prefix. NotFound when there is none of that name, UserError when it was answered.
        """
        with self._engine.transaction() as tx:
            row = self._session(tx, session)
            asked = self._bodies(tx, row.row, "permission_request", PermissionRequest)
            found = [body.request_id for body in asked if body.request_id.startswith(request)]
            if len(set(found)) != 1 and request not in found:
                raise NotFound(f"Session {session} has no permission request {request}.", candidates=found)
            chosen = request if request in found else found[0]
            answered = self._bodies(tx, row.row, "permission_answer", PermissionAnswer)
            if any(body.request_id == chosen for body in answered):
                raise UserError(f"Permission request {chosen} was answered already.")
            answer = PermissionAnswer(request_id=chosen, answer=choice)
            self.append(session, [Draft(body=answer, time=self._clock.now_ms())])
        return chosen

    def _bodies(self, tx: Transaction, session: int, kind: str, type_: type[Kind]) -> list[Kind]:
        """Bodies of one kind in a session, in order; spilled ones that are not here are left out."""
        rows = tx.connection.execute(
            "SELECT body FROM event WHERE session=? AND kind=? ORDER BY id", (session, kind)
        ).fetchall()
        opened = [self._opened(tx, row[0]) for row in rows]
        return [one.body for one in opened if one is not None and isinstance(one.body, type_)]

    def _opened(self, tx: Transaction, stored: bytes | str) -> OpenedBody | None:
        return open_body(unpack_body(stored), lambda stub: resolve_stub(self._engine.blobs, tx.connection, stub))

    def fork(self, session: str, at: str | None = None, title: str | None = None) -> str:
        """A new session that begins as `session` up to the event `at` (its last by default) and copies nothing."""
        with self._engine.transaction() as tx:
            row = self._session(tx, session)
            origin, point = self._fork_point(tx, session, row.row, at)
            forked = self.new_id()
            fields: dict[str, Any] = {
                "type": row.type,
                "status": "active",
                "title": title or f"{row.title or 'Untitled'} (fork)",
                "origin": {"session": origin, "event": point},
            }
            fields |= {name: value for name, value in (("agent", row.agent), ("cwd", row.cwd)) if value}
            draft = Draft(body=SessionSet(fields=fields), time=self._clock.now_ms())
            self._append_to(forked, row.workspace, counter_of(point) or 0, [draft])
        return forked

    def _fork_point(self, tx: Transaction, session: str, row: int, at: str | None) -> tuple[str, str]:
        """(session that holds the event, its id); an inherited event is continued where it is."""
        parts = conversation(tx.connection, row)
        if at is not None:
            number, event = find_event(tx.connection, parts, at)
            return parts[number].session, event
        for part in reversed(parts):
            sql = "SELECT max(id) FROM event WHERE session=? AND id<=?"
            last = tx.connection.execute(sql, (part.row, part.last)).fetchone()[0]
            if last is not None:
                return part.session, last
        raise NotFound(f"Session {session} has no event to fork at.")

    def set_note(self, session: str, text: str, *, base: str | None = None) -> None:
        """Make the note of a session read so.

        base: what it read when the person began to edit; what others have changed since then stays too.
        """
        with self._engine.transaction() as tx:
            row = self._session(tx, session)
            self._engine.edit_note(tx, row.workspace, note_name(session), text, base=base)
            tx.touch(f"session/{session}")

    # drafts and blobs

    def save_draft(self, session: str, turn: str, kind: str, text: str, agent: str | None = None) -> None:
        """Keep what an agent has written so far, so that other processes see it and a crash loses little."""
        self._engine.presence.show()
        with self._engine.transaction() as tx:
            self._session(tx, session)
            tx.connection.execute(
                "INSERT INTO draft VALUES(?,?,?,?,?,?,?) ON CONFLICT(session, turn, kind) "
                "DO UPDATE SET text=excluded.text, time=excluded.time, process=excluded.process",
                (session, turn, kind, agent, text, self._clock.now_ms(), self._engine.presence.name),
            )
            tx.touch(f"draft/{session}")

    def _end_drafts(self, tx: Transaction, session: str, said: Sequence[Draft]) -> None:
        """What is said is no longer a draft, in the same transaction: a crash in between would say it twice."""
        for draft in said:
            if draft.turn is not None and isinstance(draft.body, AgentMessage | AgentThought):
                sql = "DELETE FROM draft WHERE session=? AND turn=? AND kind=?"
                if tx.connection.execute(sql, (session, draft.turn, draft.body.kind)).rowcount:
                    tx.touch(f"draft/{session}")

    def clear_draft(self, session: str, turn: str) -> None:
        with self._engine.transaction() as tx:
            tx.connection.execute("DELETE FROM draft WHERE session=? AND turn=?", (session, turn))
            tx.touch(f"draft/{session}")

    def put_blob(
        self,
        data: bytes,
        *,
        name: str | None = None,
        media_type: str | None = None,
    ) -> BlobRef:
        """Keep a payload; the reference goes into an event."""
        with self._engine.transaction() as tx:
            stored = self._engine.put_blob(tx, self.workspace, data)
        key = None if stored.key is None else base64.b64encode(stored.key).decode()
        return BlobRef(blob=stored.id.hex(), size=stored.size, key=key, name=name, media_type=media_type)

    # imports

    def open_import(self, format: str, source: str) -> ImportTarget:
        """The session of a foreign session id in this workspace; nothing is written yet."""
        keys = self._engine.workspace(self.workspace)
        session = derived_id(keys.id.hex(), format, source)
        with self._engine.transaction() as tx:
            rows = tx.connection.execute(
                "SELECT e.id FROM event e JOIN session s ON s.row=e.session WHERE s.id=?", (session,)
            )
            digests = DigestSet(row[0] for row in rows)
            last = tx.connection.execute(
                "SELECT max(e.id) FROM event e JOIN session s ON s.row=e.session WHERE s.id=?", (session,)
            ).fetchone()[0]
            if is_purged(tx.connection, self.workspace, session):
                return ImportTarget(session, False, _Everything())
        return ImportTarget(session, not digests, digests, last or "")

    def import_events(
        self, session: str, drafts: Sequence[Draft], *, floor: int = 0, after: str | None = None
    ) -> list[str]:
        """Append foreign events whose `source` gives them equal ids on every device; gives their ids.

        floor: the counter of the event a fork begins after; only the first call of a session needs it.
        after: the last event that the caller knows of; what others imported since is not written once more.
        """
        with self._engine.transaction() as tx:
            found = tx.connection.execute("SELECT workspace, counter FROM session WHERE id=?", (session,)).fetchone()
            workspace, counter = found or (self.workspace, floor)
            there = {} if after is None else self._digests_since(tx, session, after)
            if not there:
                return self._append_to(session, workspace, counter, drafts)
            digests = [event_digest((draft.source or "").encode(), encode_draft(draft)) for draft in drafts]
            new = [draft for draft, digest in zip(drafts, digests, strict=True) if digest not in there]
            ids = iter(self._append_to(session, workspace, counter, new))
            return [there.get(digest) or next(ids) for digest in digests]

    def _digests_since(self, tx: Transaction, session: str, after: str) -> dict[str, str]:
        """{digest: event id} of what follows an event."""
        rows = tx.connection.execute(
            "SELECT e.id FROM event e JOIN session s ON s.row=e.session WHERE s.id=? AND e.id>?", (session, after)
        )
        return {row[0][COUNTER_CHARACTERS:]: row[0] for row in rows}

    def find_source(self, session: str, source: str) -> str | None:
        """The id of the last event of a session that an import made from `source`."""
        with self._engine.transaction() as tx:
            rows = tx.connection.execute(
                "SELECT e.id, e.body FROM event e JOIN session s ON s.row=e.session WHERE s.id=? ORDER BY e.id DESC",
                (session,),
            )
            for identifier, body in rows:
                opened = self._opened(tx, body)
                if opened is not None and opened.common.source == source:
                    return str(identifier)
        return None

    def has_session(self, session: str) -> bool:
        """Whether this home has the session; UserError when it is in another workspace of it."""
        with self._engine.transaction() as tx:
            found = tx.connection.execute("SELECT workspace FROM session WHERE id=?", (session,)).fetchone()
            if is_purged(tx.connection, self.workspace, session):
                raise UserError(
                    f"Session {session} was purged from this workspace, for good. Import it into a home of its own."
                )
        if found is not None and found[0] != self.workspace:
            raise UserError(
                f"Session {session} is in another workspace of this home. Import it into a home of its own, "
                "or use that workspace."
            )
        return found is not None

    def restore_events(self, session: str, events: Sequence[RawEvent]) -> int:
        """Take in exported events with the ids they have; gives how many were new.

        None of them counts as this device's own, whatever the export says: only signatures vouch for an author.
        """
        if not events:
            return 0
        first, last = min(event.id for event in events), max(event.id for event in events)
        with self._engine.transaction() as tx:
            ids = tx.connection.execute(
                "SELECT e.id FROM event e JOIN session s ON s.row=e.session WHERE s.id=? AND e.id BETWEEN ? AND ?",
                (session, first, last),
            )
            known = {row[0] for row in ids}
            new = {event.id: event for event in events if event.id not in known}
            items = [
                (event.id, self._spilled(tx, self.workspace, encode_restored(event.body, event.author)).decode())
                for event in new.values()
            ]
            if items:
                self._engine.append(tx, self.workspace, session, items, lambda: self._opening(tx, session))
        return len(items)

    def restore_blob(self, ref: BlobRef, data: bytes) -> None:
        """Take in a blob of an export under the id it has; UserError when it is not what the id says."""
        try:
            key = None if ref.key is None else blob_key(ref.key)
        except ValueError as error:
            raise UserError(f"The key of blob {ref.blob} of the export is damaged.", exit_code=6) from error
        with self._engine.transaction() as tx:
            if key is None:
                stored = self._engine.put_blob(tx, self.workspace, data)
            else:
                stored = self._engine.blobs.put_sealed(data, key)
            if stored.id.hex() != ref.blob:
                raise UserError(f"Blob {ref.blob} of the export is damaged.", exit_code=6)

    # workspaces

    def create_workspace(self, name: str) -> str:
        """Found a workspace; gives its id."""
        with self._engine.transaction(durable=True) as tx:
            keys = self._engine.create_workspace()
            self._engine.edit_note(tx, keys.row, PROFILE_NOTE, None, {"name": name})
        return keys.id.hex()

    def rename_workspace(self, workspace: str, name: str) -> None:
        with self._engine.transaction() as tx:
            self._engine.edit_note(tx, self._workspace_row(tx, workspace), PROFILE_NOTE, None, {"name": name})
            tx.touch(f"workspace/{workspace}")

    def open_folder(self, path: Path) -> str:
        """Bind a folder to the workspace that has it, or to a new one named after it; gives the workspace id."""
        folder = path.resolve()
        with self._engine.transaction(durable=True) as tx:
            bound = tx.connection.execute(
                "SELECT w.id FROM folder f JOIN workspace w ON w.row=f.workspace WHERE f.path=?", (str(folder),)
            ).fetchone()
            if bound is not None:
                return bytes(bound[0]).hex()
            workspace = self.create_workspace(folder.name or str(folder))
            self.bind_folder(workspace, folder)
        return workspace

    def bind_folder(self, workspace: str, path: Path) -> None:
        """Make a folder a root of a workspace; a folder belongs to one workspace only."""
        with self._engine.transaction() as tx:
            tx.connection.execute(
                "INSERT INTO folder VALUES(?,?) ON CONFLICT(path) DO UPDATE SET workspace=excluded.workspace",
                (str(path.resolve()), self._workspace_row(tx, workspace)),
            )
            tx.touch(f"workspace/{workspace}")

    def relink_folder(self, workspace: str, path: Path) -> list[Path]:
        """Bind an existing folder in place of those of a workspace that vanished; gives these.

        UserError where none has vanished, or where the folder belongs to another workspace.
        """
        folder = path.resolve()
        with self._engine.transaction() as tx:
            row = self._workspace_row(tx, workspace)
            bound = dict(tx.connection.execute("SELECT path, workspace FROM folder").fetchall())
            if bound.get(str(folder), row) != row:
                raise UserError(
                    f"The folder {folder} belongs to another workspace. 'lovelace workspace list' says which."
                )
            gone = vanished([Path(name) for name, owner in bound.items() if owner == row])
            if not gone:
                raise UserError(
                    "No folder of the workspace has vanished. 'lovelace workspace open DIR' binds a folder, "
                    "--workspace names another workspace."
                )
            old = replaced_by(folder, gone)
            tx.connection.executemany("DELETE FROM folder WHERE path=?", [(str(name),) for name in old])
            self.bind_folder(workspace, folder)
        return old

    def switch(self, workspace: str) -> None:
        """Make a workspace (its id) the current one."""
        with self._engine.transaction() as tx:
            self._workspace_row(tx, workspace)
            self.set_setting(CURRENT_WORKSPACE, workspace)

    def set_setting(self, name: str, value: Any) -> None:
        """A local setting that is never synced; None removes it."""
        with self._engine.transaction() as tx:
            if value is None:
                tx.connection.execute("DELETE FROM setting WHERE name=?", (name,))
            else:
                tx.connection.execute(
                    "INSERT INTO setting VALUES(?,?) ON CONFLICT(name) DO UPDATE SET value=excluded.value",
                    (name, msgspec.json.encode(value).decode()),
                )
            tx.touch(f"setting/{name}")

    def rebuild(self) -> int:
        """Derive all rows again from the documents; gives the number of events."""
        return self._engine.rebuild()

    def bundle_step(self) -> bool:
        """Do a small piece of storing closed segments more tightly; gives whether there may be more to do."""
        return self._engine.bundle_step()

    # helpers

    def new_id(self) -> str:
        """A fresh id for a session or a turn."""
        return new_id(self._clock.now_ms(), self._random(10))

    def _append_to(self, session: str, workspace: int, counter: int, drafts: Sequence[Draft]) -> list[str]:
        if counter + len(drafts) > MAX_COUNTER:
            raise UserError(f"Session {session} is full. Fork it to go on.")
        device = self._engine.device.device_id
        ids, items = [], []
        with self._engine.transaction() as tx:
            for number, draft in enumerate(drafts, counter + 1):
                body = encode_draft(draft)
                origin = draft.source.encode() if draft.source else device
                ids.append(event_id(number, origin, body))
                items.append((ids[-1], self._spilled(tx, workspace, body).decode()))
            if items:
                self._engine.append(tx, workspace, session, items, lambda: self._opening(tx, session))
        return ids

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

    def _session(self, tx: Transaction, session: str) -> _SessionState:
        row = tx.connection.execute(
            "SELECT row, workspace, counter, title, type, agent, cwd, status, trashed FROM session WHERE id=?",
            (session,),
        ).fetchone()
        if row is None:
            raise NotFound(f"There is no session {session}. `lovelace sessions list` shows them.")
        return _SessionState(*row)

    def _workspace_row(self, tx: Transaction, workspace: str) -> int:
        row = tx.connection.execute("SELECT row FROM workspace WHERE hex(id)=?", (workspace.upper(),)).fetchone()
        if row is None:
            raise NotFound(f"There is no workspace {workspace}. `lovelace workspace list` shows them.")
        return int(row[0])


@dataclass(frozen=True, slots=True)
class _SessionState:
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


def _naming(drafts: Sequence[Draft]) -> list[Draft]:
    """What gives a session without a title one: from its first prompt, unless it is being set here."""
    bodies = [draft.body for draft in drafts]
    if any(isinstance(body, SessionSet) and "title" in body.fields for body in bodies):
        return []
    for draft in drafts:
        if isinstance(draft.body, UserMessage) and (title := title_from(draft.body.text)):
            return [Draft(body=SessionSet(fields={"title": title}), time=draft.time, turn=draft.turn)]
    return []
