"""A process that lets entries of its own leave, to a peer and to a mailbox: `python -m … HOME PEER [ROUNDS]`.

For each entry that has left it says "left NUMBER HASH": as a mark of `power_recorder.c` where that is preloaded, else
as a line on standard output. Without ROUNDS it goes on until it is killed.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from sync.documents.entry import verify_entry
from sync.engine import Engine
from sync.membership.epoch import segment_key
from sync.protocol.envelope import open_envelope, read_envelope
from sync.repository.mailbox_replica import StoredMailboxReplica
from sync.store.durable import make_folder, sync_folder
from tests.sync.engine_home import append, first_workspace, open_engine
from tests.sync.repository.peers import let_in
from tests.sync.repository.support import edit

Say = Callable[[str], None]
LIMIT = 1 << 12


def _say() -> Say:
    program = ctypes.CDLL(None)
    if hasattr(program, "power_mark"):
        return lambda text: program.power_mark(text.encode())
    return lambda text: _write(f"{text}\n")


def _write(line: str) -> None:
    os.write(1, line.encode())


def left_in(engine: Engine, envelopes: Sequence[bytes]) -> list[tuple[int, str]]:
    """(number, hash) of the entries that sealed envelopes carry."""
    found = []
    keys = [
        bytes(key) for (key,) in engine.connection.execute("SELECT key FROM epoch WHERE workspace=1 ORDER BY row DESC")
    ]
    for envelope in map(read_envelope, envelopes):
        batch = open_envelope(envelope, segment_key(keys[0], envelope.document))
        found += [(part.entry.n, verify_entry(part.entry, part.signature).hash.hex()) for part in batch.parts]
    return found


def publish(engine: Engine, peer: bytes | None, after: int) -> tuple[int, list[tuple[int, str]]]:
    """Let entries after a number leave, to a peer or (None) into a mailbox; up to where, and which ones left."""
    workspace = engine.workspace(1).id
    if peer is None:
        box = StoredMailboxReplica(engine.replica, 1, 1, workspace, lambda: 0)
        out = box.entries_after(after, LIMIT)
        box.publishing(out.after)
    else:
        out = engine.replica.entries_after(peer, workspace, engine.device.device_id, after, LIMIT)
    return out.after, left_in(engine, out.envelopes)


def write(engine: Engine, name: str, dice: random.Random) -> None:
    """Some events, some edits of a note."""
    for number in range(dice.randint(1, 6)):
        append(engine, 1, dice.choice("st"), *(f"{name} {number} {part}" for part in range(dice.randint(1, 3))))
    edit(engine, 1, f"{name} {dice.random()}")


def main(home: str, other: str, rounds: str = "") -> None:
    """Write and publish; close and open now and then."""
    say, dice = _say(), random.Random(rounds or None)
    for folder in map(Path, (home, other)):
        make_folder(folder)
    engine, guest = open_engine(Path(home)), open_engine(Path(other))
    workspace = engine.workspace(first_workspace(engine)).id
    if guest.identity not in engine.memberships.state(workspace).members:
        let_in(engine, guest, workspace)
    peer = guest.device.device_id
    guest.close()
    reached = {None: 0, peer: 0}
    sync_folder(Path(home))  # as the program does when it makes a home
    say("begun")
    for number in range(int(rounds)) if rounds else itertools.count():
        write(engine, f"{os.getpid()} {number}", dice)
        to = dice.choice((None, peer))
        reached[to], left = publish(engine, to, reached[to])
        for n, digest in left:
            say(f"left {n} {digest}")
        if number % 5 == 4:
            engine.close()
            engine = open_engine(Path(home))
    engine.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
