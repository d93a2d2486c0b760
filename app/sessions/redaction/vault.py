"""Where secrets are kept: sealed, in tables of this device that are never synced or exported.

A secret is sealed under a key that follows from the database's key, so neither the full-text index nor a decrypted copy
of the rows shows it; a backup has the tables, and opens with the same key slots. Which value a number stands for is
found by a keyed hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from sync.clock import Random
from sync.crypto import derive_key, open_sealed, seal
from sync.store.database import Connection

_SEALING, _HASHING = "lovelace/secret/1", "lovelace/secret-digest/1"
_DIGEST_BYTES = 16
Place = tuple[int, int, int]
"""(first byte, end, number) of a placeholder in a payload."""


class Vault:
    """The tables of one home. key: 32 bytes that only this database has."""

    def __init__(self, connection: Connection, key: bytes) -> None:
        self._connection = connection
        self._sealing = derive_key(key, _SEALING)
        self._hashing = derive_key(key, _HASHING)

    def digest(self, value: str) -> bytes:
        """What tells equal values from others, and nothing else."""
        data = value.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(data, key=self._hashing, digest_size=_DIGEST_BYTES).digest()

    # writing

    def add(self, session: str, number: int, kind: str, value: str, random: Random) -> None:
        """Keep a secret of a session under a number that it does not have yet."""
        sealed = seal(self._sealing, value.encode("utf-8", "surrogatepass"), _aad(session, number), random)
        self._connection.execute(
            "INSERT INTO kept_secret VALUES(?,?,?,?,?,'')", (session, number, kind, self.digest(value), sealed)
        )

    def tell_event(self, session: str, numbers: Sequence[int], event: str) -> None:
        """The event that has these new secrets is stored under an id now."""
        sql = "UPDATE kept_secret SET event=? WHERE session=? AND number=? AND event=''"
        self._connection.executemany(sql, [(event, session, number) for number in numbers])

    def keep_places(self, session: str, blob: str, places: Sequence[Place]) -> None:
        """Where the placeholders of a payload are, so that it can be made whole again."""
        self._connection.execute(
            "INSERT OR REPLACE INTO kept_secret_blob VALUES(?,?,?)", (session, blob, msgspec.msgpack.encode(places))
        )

    def keep_source(self, session: str, digest: str) -> None:
        """What an import brought, as it was before, so that it is known again (see `ids.event_digest`)."""
        self._connection.execute("INSERT OR IGNORE INTO kept_secret_source VALUES(?,?)", (session, digest))

    def set_harmless(self, workspace: int, value: str, *, harmless: bool = True) -> None:
        """Let this value stand in the workspace from now on, or no longer."""
        if harmless:
            sql = "INSERT OR IGNORE INTO harmless_secret VALUES(?,?)"
        else:
            sql = "DELETE FROM harmless_secret WHERE workspace=? AND digest=?"
        self._connection.execute(sql, (workspace, self.digest(value)))

    # reading

    def is_harmless(self, workspace: int, value: str) -> bool:
        """Whether a person said that this value is no secret."""
        sql = "SELECT 1 FROM harmless_secret WHERE workspace=? AND digest=?"
        return self._connection.execute(sql, (workspace, self.digest(value))).fetchone() is not None

    def number_of(self, sessions: Sequence[str], value: str) -> int | None:
        """The number that a value has in one of these sessions, the first that knows it."""
        digest = self.digest(value)
        for session in sessions:
            sql = "SELECT number FROM kept_secret WHERE session=? AND digest=?"
            found = self._connection.execute(sql, (session, digest)).fetchone()
            if found is not None:
                return int(found[0])
        return None

    def highest(self, sessions: Sequence[str]) -> int:
        """The greatest number that these sessions have given."""
        sql = "SELECT coalesce(max(number), 0) FROM kept_secret WHERE session=?"
        return max((self._connection.execute(sql, (session,)).fetchone()[0] for session in sessions), default=0)

    def value(self, sessions: Sequence[str], number: int) -> str | None:
        """The secret of this number, from the first of the sessions that has it; None if it is not kept here."""
        for session in sessions:
            sql = "SELECT sealed FROM kept_secret WHERE session=? AND number=?"
            found = self._connection.execute(sql, (session, number)).fetchone()
            if found is not None:
                return open_sealed(self._sealing, found[0], _aad(session, number)).decode("utf-8", "surrogatepass")
        return None

    def harmless(self, session: str, workspace: int) -> dict[int, str]:
        """What was kept out of a session of the workspace and is no secret, by number."""
        rows = self._connection.execute(
            "SELECT number FROM kept_secret k JOIN harmless_secret h ON h.digest=k.digest "
            "WHERE k.session=? AND h.workspace=?",
            (session, workspace),
        ).fetchall()
        values = {number: self.value([session], number) for (number,) in rows}
        return {number: value for number, value in values.items() if value is not None}

    def places(self, session: str, blob: str) -> list[Place] | None:
        """Where the placeholders of a payload are; None if this device did not put them there."""
        sql = "SELECT places FROM kept_secret_blob WHERE session=? AND blob=?"
        found = self._connection.execute(sql, (session, blob)).fetchone()
        return None if found is None else msgspec.msgpack.decode(found[0], type=list[Place])


def sources(connection: Connection, session: str) -> list[str]:
    """The digests of what imports brought to a session, as it was before secrets were taken out."""
    rows = connection.execute("SELECT digest FROM kept_secret_source WHERE session=?", (session,))
    return [digest for (digest,) in rows]


def _aad(session: str, number: int) -> bytes:
    return f"{session}/{number}".encode()
