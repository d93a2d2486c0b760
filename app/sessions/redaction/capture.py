"""Takes secrets out of what goes into one session, in one transaction, before anything of it is stored."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from app.sessions.bodies import encode_draft
from app.sessions.diff import decode_text
from app.sessions.events import Draft
from app.sessions.ids import event_digest
from app.sessions.lineage import conversation
from app.sessions.packing import unpack_body
from app.sessions.redaction.finding import find_secrets
from app.sessions.redaction.replacing import PLACEHOLDER, placeholder, redacted, redacted_body
from app.sessions.redaction.vault import Place, Vault
from sync.clock import Random
from sync.store.database import Connection

CAPTURE_SETTING = "secrets.kept_out"
"""False: secrets stay in what is captured on this device."""


class Capture:
    """One session's. workspace: row id of the session's workspace, which may be new as the session."""

    def __init__(self, connection: Connection, vault: Vault, session: str, workspace: int, random: Random) -> None:
        self._connection = connection
        self._vault = vault
        self._session = session
        self._workspace = workspace
        self._random = random
        self._names: dict[str, str | None] = {}
        self._fresh: list[int] = []
        self._is_import = False
        self._sessions: list[str] | None = None
        self._is_off: bool | None = None

    def draft(self, draft: Draft) -> Draft:
        """An event without secrets; the same one where it has none."""
        self._is_import = draft.source is not None
        body = redacted_body(draft.body, self._name)
        return draft if body is draft.body else msgspec.structs.replace(draft, body=body)

    def stored(self, event: str, before: Draft) -> None:
        """The event that was `before` is stored under this id."""
        self._vault.tell_event(self._session, self._fresh, event)
        self._fresh.clear()
        if before.source is not None:
            self._vault.keep_source(self._session, event_digest(before.source.encode(), encode_draft(before)))

    def text(self, text: str) -> str:
        """A text of the session that is no event, without secrets."""
        return redacted(text, self._name)

    def payload(self, data: bytes) -> tuple[bytes, list[Place]]:
        """A payload with placeholders, and where they are; as it is where it is no text or has no secrets."""
        text = decode_text(data)
        pieces, places, at, size = list[bytes](), list[Place](), 0, 0
        for span in find_secrets(text) if text is not None else ():
            assert text is not None
            name = self._name(text[span.start : span.end], span.kind)
            if name is not None:
                between, stand_in = text[at : span.start].encode(), name.encode()
                start = size + len(between)
                pieces += [between, stand_in]
                size = start + len(stand_in)
                places.append((start, size, int(PLACEHOLDER.fullmatch(name)[1])))  # type: ignore[index]
                at = span.end
        if text is None or not places:
            return data, []
        return b"".join([*pieces, text[at:].encode()]), places

    def _name(self, value: str, kind: str) -> str | None:
        if value not in self._names:
            self._names[value] = self._new_name(value, kind)
        return self._names[value]

    def _new_name(self, value: str, kind: str) -> str | None:
        if self._off() or self._vault.is_harmless(self._workspace, value):
            return None
        sessions = self._lineage()
        number = self._vault.number_of(sessions, value)
        if number is None:
            number = max(self._vault.highest(sessions), self._told_elsewhere()) + 1
            self._vault.add(self._session, number, kind, value, self._random)
            self._fresh.append(number)
        return placeholder(number)

    def _off(self) -> bool:
        if self._is_off is None:
            row = self._connection.execute("SELECT value FROM setting WHERE name=?", (CAPTURE_SETTING,)).fetchone()
            self._is_off = row is not None and row[0] == "false"
        return self._is_off

    def _lineage(self) -> list[str]:
        if self._sessions is None:
            self._sessions = lineage(self._connection, self._session)
        return self._sessions

    def _told_elsewhere(self) -> int:
        """The greatest number that other devices have given in the session; imports count alike on all devices."""
        if self._is_import:
            return 0
        found = self._connection.execute(
            "SELECT s.row FROM session s WHERE s.id=? AND EXISTS(SELECT 1 FROM session_author x "
            "JOIN author a ON a.row=x.author WHERE x.session=s.row AND a.device<>(SELECT id FROM device WHERE is_own))",
            (self._session,),
        ).fetchone()
        if found is None:
            return 0
        bodies = self._connection.execute("SELECT body FROM event WHERE session=?", found)
        texts = (unpack_body(body).decode("utf-8", "replace") for (body,) in bodies)
        return max((int(number) for text in texts for number in PLACEHOLDER.findall(text)), default=0)


def lineage(connection: Connection, session: str) -> list[str]:
    """The ids of a session and of those it was forked from, the nearest first."""
    found = connection.execute("SELECT row FROM session WHERE id=?", (session,)).fetchone()
    return [session] if found is None else [part.session for part in reversed(conversation(connection, found[0]))]


def made_whole(vault: Vault, sessions: Sequence[str], blob: str, data: bytes) -> bytes | None:
    """A payload as it was captured; None where its secrets are not on this device."""
    for session in sessions:
        places = vault.places(session, blob)
        if places is None:
            continue
        pieces, at = [], 0
        for start, end, number in places:
            value = vault.value([session, *sessions], number)
            if value is None:
                return None
            pieces += [data[at:start], value.encode("utf-8", "surrogatepass")]
            at = end
        return b"".join([*pieces, data[at:]])
    return None
