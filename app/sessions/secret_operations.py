"""What a person says of secrets that were kept out of sessions. Known on this device only; never synced."""

from __future__ import annotations

from app.errors import NotFound
from app.sessions.redaction.capture import lineage
from app.sessions.writing import Writing


class SecretOperations(Writing):
    """The part of `SessionOperations` that changes what counts as a secret."""

    def set_harmless(self, session: str, number: int, *, harmless: bool = True) -> None:
        """The secret behind a placeholder is none: it is shown again, and stays from now on, in the whole workspace.

        What was captured keeps its placeholder where it is stored. NotFound where this device does not have it.
        """
        with self._engine.transaction() as tx:
            row = self._session(tx, session)
            vault = self._vault(tx)
            value = vault.value(lineage(tx.connection, session), number)
            if value is None:
                raise NotFound(f"Secret {number} of session {session} is not on this device.")
            vault.set_harmless(row.workspace, value, harmless=harmless)
            tx.touch(f"session/{session}")
