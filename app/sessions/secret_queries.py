"""Reading what was kept out of sessions: what there is, and what it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from app.sessions.event_queries import EventQueries
from app.sessions.events import BlobRef
from app.sessions.lineage import conversation
from app.sessions.views import Event, SecretRow
from sync.store.database import Connection

if TYPE_CHECKING:
    from app.sessions.redaction.vault import Vault


class SecretQueries(EventQueries):
    """The part of `Queries` that reads secrets; only this device's own, which are in no other place."""

    def secrets(self, session: str) -> list[SecretRow]:
        """What this device kept out of a session and of what it inherits, by number; not what is no secret."""
        row = self._find_session(session)[0]
        found: dict[int, SecretRow] = {}
        for part in conversation(self._connection, row):
            rows = self._connection.execute(
                "SELECT number, kind, event FROM kept_secret WHERE session=? AND digest NOT IN "
                "(SELECT digest FROM harmless_secret WHERE workspace=(SELECT workspace FROM session WHERE row=?))",
                (part.session, row),
            )
            found |= {number: SecretRow(number, kind, event) for number, kind, event in rows}
        return [found[number] for number in sorted(found)]

    def secret_count(self) -> int:
        """How many secrets this device keeps, of all sessions of the home."""
        return int(self._connection.execute("SELECT count(*) FROM kept_secret").fetchone()[0])

    def secret(self, session: str, number: int) -> str | None:
        """The secret behind a placeholder of a session, or of what the session inherits; None if it is not here."""
        from app.sessions.redaction.capture import lineage

        identifier = self._find_session(session)[1]
        return self._vault().value(lineage(self._connection, identifier), number)

    def revealed(self, event: Event) -> Event:
        """An event with its secrets, as far as they are here."""
        from app.sessions.redaction.replacing import revealed_body

        body = revealed_body(event.body, lambda number: self.secret_of(event, number))
        return event if body is event.body else msgspec.structs.replace(event, body=body)

    def secret_of(self, event: Event, number: int) -> str | None:
        """The secret behind a placeholder of an event; None if it is not here.

        Two devices that write at once can give one number to two secrets; only what this one captured is known here.
        """
        is_same = event.source is not None or event.author.device == self._own_device()
        if not is_same and not _is_by(self._connection, event.session, number, event.author.device):
            return None
        return self.secret(event.session, number)

    def _own_device(self) -> str:
        return bytes(self._connection.execute("SELECT id FROM device WHERE is_own").fetchone()[0]).hex()

    def with_secrets(self, session: str, text: str) -> str:
        """What a person says in a session, with the secrets that it names by their placeholders."""
        if "‹" not in text:
            return text
        from app.sessions.redaction.replacing import revealed

        return revealed(text, lambda number: self.secret(session, number))

    def find_whole_blob(self, session: str, ref: BlobRef) -> bytes | None:
        """The content of a blob as it was captured; None when it, or a secret in it, is not on this device."""
        data = self.find_blob(ref)
        if data is None or not ref.secrets:
            return data
        from app.sessions.redaction.capture import lineage, made_whole

        identifier = self._find_session(session)[1]
        return made_whole(self._vault(), lineage(self._connection, identifier), ref.blob, data)

    def hidden(self, session: str, text: str) -> str:
        """A text from elsewhere, as the session shows it: with the placeholders of its secrets."""
        from app.sessions.redaction.capture import lineage
        from app.sessions.redaction.replacing import UNNUMBERED, placeholder, redacted

        sessions, vault = lineage(self._connection, self._find_session(session)[1]), self._vault()

        def name(value: str, _kind: str) -> str | None:
            if vault.is_harmless(self.workspace, value):
                return None
            number = vault.number_of(sessions, value)
            return UNNUMBERED if number is None else placeholder(number)

        return redacted(text, name)

    def _vault(self) -> Vault:
        from app.sessions.redaction.vault import Vault

        return Vault(self._connection, self._local_key)


def _is_by(connection: Connection, session: str, number: int, device: str) -> bool:
    """Whether a device captured the secret of a number: under another id, this one, where it is a restored copy."""
    found = connection.execute(
        "SELECT 1 FROM kept_secret k JOIN session s ON s.id=k.session JOIN event e ON e.session=s.row AND e.id=k.event "
        "JOIN author a ON a.row=e.author WHERE k.session=? AND k.number=? AND a.device=?",
        (session, number, bytes.fromhex(device)),
    ).fetchone()
    return found is not None
