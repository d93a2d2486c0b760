"""A note that several edit at once keeps what each of them wrote."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from app.workspace import Workspace
from tests.helpers.talks import talk

CHECKOUT = Path(__file__).parents[3]
EDITS = 40


def test_two_processes_at_different_places(home: Workspace) -> None:
    session, _ = talk(home, "x")
    home.write(lambda operations: operations.set_note(session, "Ada:\nBob:\n"))
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.app.sessions.note_worker", str(home.home), session, name, str(EDITS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=CHECKOUT,
            text=True,
        )
        for name in ("Ada", "Bob")
    ]
    for worker in workers:
        assert worker.stdout is not None and worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        worker.communicate()
        assert worker.returncode == 0
    expected = [f"{name}:\n" + "".join(f"{name} {n}\n" for n in reversed(range(EDITS))) for name in ("Ada", "Bob")]
    assert home.read(lambda queries: queries.note(session)) == "".join(expected)
    home.write(lambda operations: operations.rebuild())
    assert home.read(lambda queries: queries.note(session)) == "".join(expected)


def test_what_others_wrote_since_it_was_read_stays(home: Workspace) -> None:
    session, _ = talk(home, "x")
    home.write(lambda operations: operations.set_note(session, "one\ntwo\nthree\n"))
    home.write(lambda operations: operations.set_note(session, "one\ntwo\nthree\nfour\n", base="one\ntwo\nthree\n"))
    home.write(lambda operations: operations.set_note(session, "zero\none\nthree\n", base="one\ntwo\nthree\n"))
    assert home.read(lambda queries: queries.note(session)) == "zero\none\nthree\nfour\n"
    home.write(lambda operations: operations.set_note(session, "all new"))
    assert home.read(lambda queries: queries.note(session)) == "all new"
