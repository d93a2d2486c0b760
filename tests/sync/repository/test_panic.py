"""The real core panics over a local edit: the document is built anew from its rows, and the next edit works.

Nothing that `Draft` offers was made to panic the binding. Tried, each in a process of its own: empty, enormous and odd
keys and values, half surrogate pairs, the greatest integers, places outside of a text, unknown and foreign objects, the
wrong kind of object, a transaction inside another, texts with elements of several characters, with integers and with
objects; and 12,000 forged changes as in `tests/sync/documents/test_hostile.py`, where each note that took one in (1,450
did) then was edited in four ways. All were refused with an Exception or did what they say.

So the panic is brought about by the one put that the adapter does not offer: a counter (documents.md), on the document
and in the transaction of a local edit. The core then panics as it commits, with its lock poisoned, and would end the
process when the document is freed; therefore each test is a process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HEAD = """
import sys
import tempfile
from pathlib import Path
from automerge.core import ScalarType
from sync.documents.core import Draft
from sync.errors import DocumentError
from tests.sync.engine_home import append, first_workspace, notes, open_engine, replay, shown

honest = Draft.put
panics = 0

def put(draft, container, key, value):
    global panics
    if panics and key != "v":  # not those of building anew
        panics -= 1
        draft._document.attempt(draft._transaction.put, container, key, ScalarType.Counter, 1)
    else:
        honest(draft, container, key, value)

Draft.put = put
engine = open_engine(Path(tempfile.mkdtemp(dir=sys.argv[1])))
workspace = first_workspace(engine)

def edit(text, fields=None):
    with engine.transaction() as tx:
        engine.edit_note(tx, workspace, "notes", text, fields)

def broken(session):
    [opened] = [one for one in engine._repository._documents.values() if one.row.name == session]
    return opened.document.core
"""
SEGMENT = """
append(engine, workspace, "s", "a", "b")
core = broken("s")
panics = 1
try:
    append(engine, workspace, "s", "c", "d")
except DocumentError as error:
    assert str(error) == "The document core failed: PanicException.", error
else:
    raise SystemExit("the edit counts as done")
assert core.dead and not engine._repository._documents
try:
    core._document.get_heads()  # the real one, which is poisoned for good
except BaseException as error:
    assert "poisoned" in str(error), error
else:
    raise SystemExit("nothing is poisoned")
assert shown(engine.connection) == {"s": {"a", "b"}}
append(engine, workspace, "s", "c")
assert broken("s") is not core and not broken("s").dead
assert shown(engine.connection) == replay(engine.connection) == {"s": {"a", "b", "c"}}
assert engine.connection.execute("SELECT count(*) FROM document").fetchone() == (1,)
"""
NOTE = """
edit("one", {"colour": "red"})
core = broken("notes")
panics = 1
edit("two", {"colour": "blue"})  # a note built anew gets a second try at once
assert core.dead and broken("notes") is not core
assert notes(engine.connection) == {"notes": "two"}
panics = 3  # also those of the second try and of the note that would be begun anew
try:
    edit("three", {"colour": "green"})
except DocumentError:
    pass
else:
    raise SystemExit("the edit counts as done")
assert panics == 0 and notes(engine.connection) == {"notes": "two"}
edit("four", {"colour": "white"})
assert notes(engine.connection) == {"notes": "four"}
assert engine.connection.execute("SELECT name, k FROM document WHERE kind='note'").fetchall() == [("notes", 0)]
replay(engine.connection)
"""
END = """
engine.rebuild()
engine.close()
del core, engine
print("alive")
"""


@pytest.mark.parametrize("steps", [SEGMENT, NOTE], ids=["segment", "note"])
def test_a_panic_over_a_local_edit(tmp_path: Path, steps: str) -> None:
    command = [sys.executable, "-c", textwrap.dedent(HEAD + steps + END)]
    for _ in range(6):  # what is left of a poisoned document ended one process in six when it was freed
        run = subprocess.run(
            [*command, str(tmp_path)],
            cwd=ROOT,
            env={**os.environ, "RUST_BACKTRACE": "0"},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (run.returncode, run.stdout) == (0, "alive\n"), run.stderr[-2000:]
        assert "panicked at" in run.stderr
