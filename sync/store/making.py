"""Making a home so that being killed leaves either nothing that counts or a home that the next call finishes.

The database is made first, under a name of its own that says its id (`lovelace.<id>.new`), then the key slots are
written, and from that moment the home is made: what is left is a rename, which whoever opens the home next can do as
well. So there never are key slots without their database, and a database that is waiting alone belongs to nobody.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from sync.clock import Random
from sync.errors import LockedError, StoreError
from sync.store import keyslots
from sync.store.database import DATABASE_NAME, Database, opening, remove_database
from sync.store.durable import sync_folder
from sync.store.keyslot_file import FILE_NAME, changing, read_keyslots
from sync.store.keyslots import UnlockedKey

_UNFINISHED = ("lovelace.*.new*", "keyslots-*.tmp")


def make_home(home: Path, *, passphrase: bytes | None, random: Random) -> Database | None:
    """Key slots and database of a new home; None when another process was first. Errors as `keyslots.create`."""
    made_here: list[Path] = []

    def make_database(made: UnlockedKey) -> None:
        database = Database(_waiting(home, made.database_id), made.key, made.database_id)
        made_here.append(database.path)
        database.create()

    try:
        made = keyslots.create(home, random=random, passphrase=passphrase, before=make_database)
    except StoreError as error:
        for path in made_here:
            if path != _awaited(home):
                remove_database(path)
        if not isinstance(error, LockedError) and (home / FILE_NAME).exists():
            return None
        raise
    return finish_home(home, made)


def finish_home(home: Path, unlocked: UnlockedKey) -> Database:
    """The database that belongs to a key; where whoever made it got no further, it gets its name now."""
    database = Database(home / DATABASE_NAME, unlocked.key, unlocked.database_id)
    waiting = _waiting(home, unlocked.database_id)
    if not database.path.exists() and waiting.exists():
        with opening(database.path), contextlib.suppress(FileNotFoundError):  # another process gave it its name
            waiting.rename(database.path)
            sync_folder(home)
    return database


def remove_unfinished(home: Path) -> None:
    """Remove what killed attempts to make this home left; one that runs finds that it came late."""
    with changing(home):
        awaited = _awaited(home)
        for path in (path for pattern in _UNFINISHED for path in home.glob(pattern)):
            if path != awaited:
                path.unlink(missing_ok=True)


def _awaited(home: Path) -> Path | None:
    """Where the database of the key slots waits until it gets its name."""
    if not (home / FILE_NAME).exists():
        return None
    return _waiting(home, bytes.fromhex(read_keyslots(home).database_id))


def _waiting(home: Path, database_id: bytes) -> Path:
    return (home / DATABASE_NAME).with_suffix(f".{database_id.hex()}.new")
