"""Operations: everything that changes sessions, each in one transaction of the writing thread.

An operation builds events, gives them ids and hands them to the engine; rows follow from the projection. Nothing else
writes into documents.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from app.errors import NotFound, UserError
from app.sessions import purging, summaries
from app.sessions.erasing import is_erasable
from app.sessions.events import (
    AgentMessage,
    AgentThought,
    AnyBody,
    BlobRef,
    Body,
    Draft,
    Erasure,
    Notice,
    PermissionAnswer,
    PermissionChoice,
    PermissionRequest,
    SessionSet,
    Unknown,
    UserMessage,
)
from app.sessions.far_operations import FarOperations
from app.sessions.fetch_operations import FetchOperations
from app.sessions.fields import title_from
from app.sessions.ids import counter_of
from app.sessions.import_operations import ImportOperations
from app.sessions.job_operations import JobOperations
from app.sessions.jobs import Deed
from app.sessions.life import pausing, resuming
from app.sessions.lineage import Part, conversation, find_event
from app.sessions.link_operations import LinkOperations
from app.sessions.memory_operations import MemoryOperations
from app.sessions.output_operations import OutputOperations
from app.sessions.presence_operations import PresenceOperations
from app.sessions.purging import LATE, Purged, note_name
from app.sessions.redaction.growing import shown_so_far
from app.sessions.redaction.vault import Place
from app.sessions.secret_operations import SecretOperations
from app.sessions.workspace_operations import WorkspaceOperations
from sync.repository.opened import may_write
from sync.repository.transaction import Transaction
from sync.store.purge import has_remains, purged_blobs, take_late, take_purged_blobs


class SessionOperations(
    WorkspaceOperations,
    ImportOperations,
    OutputOperations,
    LinkOperations,
    FarOperations,
    PresenceOperations,
    FetchOperations,
    JobOperations,
    MemoryOperations,
    SecretOperations,
):
    """Everything that changes sessions; see `Writing` for how it is used."""

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
            self._end_outputs(tx, session, drafts)
            return self._append_to(session, row.workspace, row.counter, [*drafts, *naming])[: len(drafts)]

    def set_fields(self, session: str, fields: Mapping[str, Any]) -> None:
        """Set session fields (see `fields.py`), such as title, tags, archived, trashed, status."""
        self.append(session, [Draft(body=SessionSet(fields=dict(fields)), time=self._clock.now_ms())])

    def set_all(self, sessions: Sequence[str], fields: Mapping[str, Any]) -> None:
        """Set the same fields of several sessions, or of none of them."""
        with self._engine.transaction():
            for session in sessions:
                self.set_fields(session, fields)

    def trash(self, sessions: Sequence[str]) -> None:
        """Move sessions to the trash, or none of them; those that were opened from links are removed at once."""
        with self._engine.transaction(durable=True) as tx:
            copied = self.copied(sessions)
            for session in sessions:
                self._move_job(tx, session, "pause")
            self.set_all([session for session in sessions if session not in copied], {"trashed": True})
            unused = self.remove_copies(copied)
        self._delete_files(unused)

    def change_tags(self, sessions: Sequence[str], *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> list[str]:
        """Add tags and remove others; gives the ids of those sessions that this changes."""
        changed = []
        with self._engine.transaction() as tx:
            for session in sessions:
                tags = self._tags(tx, session)
                kept = [tag for tag in tags if tag not in remove]
                kept += [tag for tag in dict.fromkeys(add) if tag not in kept]
                if kept != tags:
                    self.set_fields(session, {"tags": kept})
                    changed.append(session)
        return changed

    def _tags(self, tx: Transaction, session: str) -> list[str]:
        row = self._session(tx, session).row
        (tags,) = tx.connection.execute("SELECT tags FROM session WHERE row=?", (row,)).fetchone()
        return list(msgspec.json.decode(tags, type=list[str]))

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

    def take_summary(self, session: str, summary: str, *, agent: str) -> None:
        """Keep what an agent says that a session came to. Nothing happened then: it stays as old as it is in lists."""
        with self._engine.transaction() as tx:
            row = self._session(tx, session).row
            (updated,) = tx.connection.execute("SELECT updated FROM session WHERE row=?", (row,)).fetchone()
            body, now = SessionSet(fields={summaries.FIELD: summary}), self._clock.now_ms()
            self.append(session, [Draft(body=body, time=min(now, updated or now), agent=agent)])

    def pause(self, sessions: Sequence[str]) -> None:
        """Pause sessions, and the tasks in them, or none of them. UserError where one cannot be paused."""
        self._change_status(sessions, pausing, "pause")

    def resume(self, sessions: Sequence[str]) -> None:
        """Make paused sessions active again, or none of them; tasks go on. UserError where one cannot be resumed."""
        self._change_status(sessions, resuming, "resume")

    def _change_status(self, sessions: Sequence[str], change: Callable[..., list[Body]], deed: Deed) -> None:
        with self._engine.transaction() as tx:
            for session in sessions:
                row = self._session(tx, session)
                found = self._job_row(tx, session)
                bodies = change(session, row.status, trashed=row.trashed, job=found[2] if found else None)
                self.append(session, self._drafts(bodies))
                self._move_job(tx, session, deed)

    def purge(self, sessions: Sequence[str]) -> Purged:
        """Erase sessions and their sub-sessions from every file of the home, for good.

        Sessions that were forked from them get a notice that they lost what they inherited. What was opened from links
        may be opened again.
        """
        with self._engine.transaction(durable=True) as tx:
            workspaces = {self._session(tx, session).workspace: None for session in sessions}
            if len(workspaces) > 1:
                raise UserError("These sessions are in several workspaces. Purge those of one workspace at a time.")
            [workspace] = workspaces or {self.workspace}
            gone, forks = self.copied(sessions), list[str]()
            if gone:
                blobs = self.remove_copies(gone)
            else:
                gone = purging.with_sub_sessions(tx.connection, workspace, sessions)
                forks = purging.forks_of(tx.connection, workspace, gone)
                blobs = self._purge(tx, workspace, gone, forks)
        emptied = self._engine.erase(lambda connection: purging.unused_blobs(connection, blobs))
        return Purged(tuple(gone), tuple(forks), emptied)

    def _purge(self, tx: Transaction, workspace: int, sessions: Sequence[str], forks: Sequence[str]) -> list[bytes]:
        """Take sessions out; gives the blobs that nothing refers to any more."""
        blobs = purging.delete_rows(tx.connection, workspace, sessions)
        self._engine.purge(tx, workspace, purging.document_names(sessions), blobs)
        for session in sessions:
            tx.touch(f"session/{session}")
        lost = Notice(text=purging.LOST, level="warning")
        for fork in forks:
            self.append(fork, [Draft(body=lost, time=self._clock.now_ms())])
        return blobs

    def finish_purges(self) -> list[str]:
        """Erase from the files what others have purged; gives the ids of the sessions that this makes.

        What this device had written there later than anybody who purged it knew comes back as new sessions.
        """
        with self._engine.transaction(durable=True) as tx:
            if not has_remains(tx.connection):
                return []
            made = [
                session
                for workspace, name, items in take_late(tx.connection)
                if (session := self._bring_back(tx, workspace, items))
            ]
            unused = purging.unused_blobs(tx.connection, purged_blobs(tx.connection))
            self._engine.purge(tx, self.workspace, [], unused)
        self._engine.erase(lambda connection: purging.unused_blobs(connection, take_purged_blobs(connection)))
        return made

    def _bring_back(self, tx: Transaction, workspace: int, items: str) -> str | None:
        """A new session with what was written into a purged one; None where that says nothing."""
        drafts = []
        for _identifier, text in msgspec.json.decode(items, type=list[tuple[str, str]]):
            opened = self._opened(tx, text)
            if opened is not None and not isinstance(opened.body, Unknown | SessionSet | Erasure):
                common = opened.common
                drafts.append(Draft(body=opened.body, time=common.time, turn=common.turn, agent=common.agent))
        if not drafts or not may_write(self._engine.workspace(workspace)):
            return None
        session, now = self.new_id(), self._clock.now_ms()
        fields = {"type": "interactive", "status": "active"}
        begin = [
            Draft(body=SessionSet(fields=fields), time=now),
            Draft(body=Notice(text=LATE, level="warning"), time=now),
        ]
        self._append_to(session, workspace, 0, [*begin, *drafts, *_naming(drafts)])
        return session

    def erase(self, session: str, events: Sequence[str]) -> bool:
        """Take events of a session back, for good; gives whether the write-ahead log holds nothing of them any more.

        What is inherited is taken back where it is. Titles made from a prompt go with it, and all summaries. UserError
        where an event is somebody else's, or rules the session.
        """
        with self._engine.transaction(durable=True) as tx:
            parts = conversation(tx.connection, self._session(tx, session).row)
            blobs: set[bytes] = set()
            for event in events:
                number, found = find_event(tx.connection, parts, event)
                blobs |= self._erase_in(tx, parts[number], found)
            unused = purging.unused_blobs(tx.connection, blobs)
            self._engine.purge(tx, self._session(tx, session).workspace, [], unused)
        return self._engine.erase(lambda connection: purging.unused_blobs(connection, blobs))

    def _erase_in(self, tx: Transaction, part: Part, event: str) -> set[bytes]:
        """Take one event back; gives the blobs that its session referred to."""
        kind, stored, identity, claimed = tx.connection.execute(
            "SELECT e.kind, e.body, a.identity, a.claimed FROM event e JOIN author a ON a.row=e.author "
            "WHERE e.session=? AND e.id=?",
            (part.row, event),
        ).fetchone()
        opened = self._opened(tx, stored)
        if opened is None or not is_erasable(opened.body):
            raise UserError(f"An event of the kind {kind} cannot be erased.")
        if not claimed and bytes(identity) != self._own_identity(tx):
            raise UserError("Only the person who wrote it can erase it.")
        blobs = tx.connection.execute("SELECT blob FROM session_blob WHERE session=?", (part.row,)).fetchall()
        gone = [event, *self._repeating(tx, part.row, opened.body)]
        now = self._clock.now_ms()
        self.append(part.session, [Draft(body=Erasure(event=one), time=now) for one in gone])
        return {bytes.fromhex(blob) for (blob,) in blobs}

    def _repeating(self, tx: Transaction, session: int, body: AnyBody) -> list[str]:
        """Ids of the events that may repeat what is taken back: those that made a title of a prompt, and summaries."""
        title = title_from(body.text) if isinstance(body, UserMessage) else None
        rows = tx.connection.execute(
            "SELECT event, field, value FROM session_field WHERE session=? AND field IN ('title', ?)",
            (session, summaries.FIELD),
        )
        return [
            event
            for event, field, value in rows.fetchall()
            if field == summaries.FIELD or (title and msgspec.json.decode(value) == title)
        ]

    @staticmethod
    def _own_identity(tx: Transaction) -> bytes:
        (identity,) = tx.connection.execute("SELECT identity FROM device WHERE is_own").fetchone()
        return bytes(identity)

    def answer(self, session: str, request: str, choice: PermissionChoice, values: dict[str, Any] | None = None) -> str:
        """Answer a permission request that waits in a session, whichever process asks; gives the request's id.

        values: what was filled in, where a server asked for values. A workflow of this home that waited for it is to go
        on.

        request: its id or a unique prefix. NotFound when there is none of that name, UserError when it was answered.
        """
        with self._engine.transaction() as tx:
            row = self._session(tx, session)
            asked = self._bodies(tx, row.row, "permission_request", PermissionRequest)
            found = [body.request_id for body in asked if body.request_id.startswith(request)]
            if len(set(found)) != 1 and request not in found:
                raise NotFound(f"Session {session} has no permission request {request}.", candidates=found)
            chosen = request if request in found else found[0]
            answered = self._bodies(tx, row.row, "permission_answer", PermissionAnswer, self._own_identity(tx))
            if any(body.request_id == chosen for body in answered):
                raise UserError(f"Permission request {chosen} was answered already.")
            answer = PermissionAnswer(request_id=chosen, answer=choice, values=values)
            self.append(session, [Draft(body=answer, time=self._clock.now_ms())])
            self.go_on_after_answer(session)
        return chosen

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

    def fork_before(self, session: str, event: str) -> str:
        """A new session that begins as `session` up to what came just before an event, to say it otherwise there."""
        with self._engine.transaction() as tx:
            row = self._session(tx, session)
            parts = conversation(tx.connection, row.row)
            number, found = find_event(tx.connection, parts, event)
            for part in reversed(parts[: number + 1]):
                (before,) = tx.connection.execute(
                    "SELECT max(id) FROM event WHERE session=? AND id<=? AND id<?", (part.row, part.last, found)
                ).fetchone()
                if before is not None:
                    return self.fork(session, at=before)
        raise NotFound(f"Nothing comes before event {event} of session {session}.")

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

    def mark_seen(self, session: str, event: str) -> None:
        """A person has a session before their eyes, up to an event. Known on this device only; never goes back."""
        with self._engine.transaction() as tx:
            self._session(tx, session)
            changed = tx.connection.execute(
                "INSERT INTO seen VALUES(?,?,?) ON CONFLICT(session) DO UPDATE "
                "SET event=excluded.event, counter=excluded.counter WHERE excluded.event>event",
                (session, event, counter_of(event) or 0),
            ).rowcount
            if changed:
                tx.touch(f"session/{session}")

    def set_note(self, session: str, text: str, *, base: str | None = None) -> None:
        """Make the note of a session read so.

        base: what it read when the person began to edit; what others have changed since then stays too.
        """
        with self._engine.transaction() as tx:
            row = self._session(tx, session)
            text = self._capture(tx, session, row.workspace).text(text)
            self._engine.edit_note(tx, row.workspace, note_name(session), text, base=base)
            tx.touch(f"session/{session}")

    # drafts and blobs

    def save_draft(self, session: str, turn: str, kind: str, text: str, agent: str | None = None) -> None:
        """Keep what an agent has written so far, so that other processes see it and a crash loses little.

        Of its secrets nothing is kept, nor of what may become one.
        """
        self._engine.presence.show()
        with self._engine.transaction() as tx:
            self._session(tx, session)
            tx.connection.execute(
                "INSERT INTO draft VALUES(?,?,?,?,?,?,?) ON CONFLICT(session, turn, kind) "
                "DO UPDATE SET text=excluded.text, time=excluded.time, process=excluded.process",
                (session, turn, kind, agent, shown_so_far(text), self._clock.now_ms(), self._engine.presence.name),
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
        session: str | None = None,
        name: str | None = None,
        media_type: str | None = None,
    ) -> BlobRef:
        """Keep a payload; the reference goes into an event. session: whose secrets are taken out of a text."""
        with self._engine.transaction() as tx:
            places: list[Place] = []
            if session is not None:
                data, places = self._capture(tx, session, self.workspace).payload(data)
            stored = self._engine.put_blob(tx, self.workspace, data)
            if places and session is not None:
                self._vault(tx).keep_places(session, stored.id.hex(), places)
        key = None if stored.key is None else base64.b64encode(stored.key).decode()
        return BlobRef(
            blob=stored.id.hex(), size=stored.size, key=key, name=name, media_type=media_type, secrets=len(places)
        )


def _naming(drafts: Sequence[Draft]) -> list[Draft]:
    """What gives a session without a title one: from its first prompt, unless it is being set here."""
    bodies = [draft.body for draft in drafts]
    if any(isinstance(body, SessionSet) and "title" in body.fields for body in bodies):
        return []
    for draft in drafts:
        if isinstance(draft.body, UserMessage) and (title := title_from(draft.body.text)):
            return [Draft(body=SessionSet(fields={"title": title}), time=draft.time, turn=draft.turn)]
    return []
