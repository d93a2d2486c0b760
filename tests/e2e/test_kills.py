"""`kill -9` at random moments of the real program: first start, import, streaming, rebuild, update of the database."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from app.sessions.tables import LOCAL
from app.workspace import Credentials, Workspace
from sync.store import keyslots
from sync.store.database import DATABASE_NAME, Database
from tests.benchmarks.transcripts import generate_claude
from tests.e2e.conftest import PASSPHRASE, TIMEOUT_S, Program, make_home
from tests.helpers.checking import check_home, rows_in

EVENTS = 2_500
ANSWER = " ".join(f"word{number}" for number in range(400))


@contextlib.contextmanager
def opened(program: Program) -> Iterator[Workspace]:
    workspace = Workspace.open(program.home, Credentials(PASSPHRASE.encode()))
    try:
        yield workspace
    finally:
        workspace.close()


def begin(program: Program, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        program.arguments(words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        cwd=program.folder,
        env=program.environment,
    )


def killed_at(program: Program, seconds: float, *words: str) -> bool:
    """Run the program and kill it after a while; whether it was still running."""
    with begin(program, *words) as running:
        time.sleep(seconds)
        running.kill()
        running.communicate()
    return running.returncode != 0


def copied(program: Program, folder: Path) -> Program:
    """A program with a copy of the home: the same identity, so that rows can be compared."""
    copy = Program(folder)
    (folder / "user").mkdir()
    shutil.copytree(program.home, copy.home)
    return copy


def timed(program: Program, *words: str) -> float:
    begun = time.monotonic()
    program.json(*words)
    return time.monotonic() - begun


@pytest.fixture(scope="module")
def transcript(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("transcript") / "session.jsonl"
    generate_claude(path, seed=5, events=EVENTS)
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory, transcript) -> tuple[Program, Program, float]:
    """A home before and after an import that nobody disturbed, and how long it took."""
    before = make_home(tmp_path_factory.mktemp("before"))
    after = copied(before, tmp_path_factory.mktemp("after"))
    return before, after, timed(after, "import", str(transcript))


def test_init(tmp_path) -> None:
    """Every step is killed in `tests/sync/store/test_making.py`; here it is the whole program."""
    (tmp_path / "user").mkdir()
    victim = Program(tmp_path)
    seconds, moments, killed = timed(victim, "init", "--name", "Ada"), random.Random(3), 0
    for _ in range(4):
        shutil.rmtree(victim.home)
        killed += killed_at(victim, seconds * (0.4 + 0.6 * moments.random()), "init", "--name", "Grace")
        made = victim.json("init", "--name", "Ada")
        assert made["name"] == ("Ada" if made["created"] else "Grace")
        assert victim.json("init", "--name", "Someone")["created"] is False
        names = {path.name for path in victim.home.iterdir()}
        assert not [name for name in names if ".new" in name or ".tmp" in name]
        with opened(victim) as home:
            check_home(home)
    assert killed


def test_import(whole, transcript, tmp_path) -> None:
    before, after, seconds = whole
    victim, moments, killed = copied(before, tmp_path), random.Random(1), 0
    for _ in range(3):
        killed += killed_at(victim, seconds * (0.3 + 0.6 * moments.random()), "import", str(transcript))
    with opened(victim) as home:
        check_home(home)
    report = victim.json("import", str(transcript))
    assert killed and report["events"] > EVENTS / 2
    assert victim.json("import", str(transcript))["unchanged"] == report["sessions"]
    with opened(victim) as home, opened(after) as undisturbed:
        check_home(home)
        assert rows_in(home) == rows_in(undisturbed)


def test_rebuild(whole, tmp_path) -> None:
    victim = copied(whole[1], tmp_path)
    with opened(victim) as home:
        before = rows_in(home)
    seconds, moments = timed(victim, "rebuild"), random.Random(2)
    for _ in range(3):
        killed_at(victim, seconds * (0.2 + 0.8 * moments.random()), "rebuild")
        with opened(victim) as home:
            assert rows_in(home) == before
    with opened(victim) as home:
        check_home(home)


# streaming


@pytest.fixture
def talker(tmp_path) -> Program:
    """A home with an agent that answers for a while."""
    program = make_home(tmp_path)
    steps: list[dict[str, Any]] = [{"think": "Let me think."}, {"tool": "list", "input": {"path": "."}}]
    for word in ANSWER.split():
        steps += [{"say": word + " "}, {"delay_ms": 10}]
    script = tmp_path / "slow.json"
    script.write_text(json.dumps([steps, [{"say": "Second answer."}]]))
    program.json("agents", "add", "slow", "--script", str(script))
    return program


def stream_until(running: subprocess.Popen[str], deltas: int) -> list[dict[str, Any]]:
    """Lines of a chat up to so many pieces of the answer."""
    assert running.stdout is not None
    lines = []
    for line in running.stdout:
        lines.append(json.loads(line))
        deltas -= lines[-1]["kind"] == "delta"
        if deltas <= 0:
            break
    return lines


def events_of(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in lines if line["kind"] != "delta"]


def test_streaming(talker) -> None:
    moments = random.Random(4)
    for _ in range(3):
        with begin(talker, "--json", "chat", "Go on", "--new", "--agent", "slow") as running:
            told = stream_until(running, 60 + moments.randrange(100))
            time.sleep(0.2 * moments.random())
            running.kill()
            running.communicate()
        recorded = talker.run("--json", "sessions", "show").lines
        assert [event for event in events_of(told) if event not in recorded] == []
        *_, last = recorded
        assert (last["kind"], last["interrupted"]) == ("agent_message", True)
        assert last["author"]["agent"] == "slow" and last["turn"] == told[-1]["turn"]
        assert len(last["text"]) > 10 and ANSWER.startswith(last["text"].strip())
        assert talker.run("--json", "sessions", "show").lines == recorded
        *_, answer = events_of(talker.run("--json", "chat", "Again").lines)
        assert answer["text"] == "Second answer."
    assert not list((talker.home / "processes").iterdir())
    with opened(talker) as home:
        check_home(home)


def test_a_living_chat_keeps_its_draft_while_others_write(talker) -> None:
    with begin(talker, "--json", "chat", "Go on", "--new", "--agent", "slow") as running:
        told = stream_until(running, 40)
        session = events_of(told)[0]["session"]
        for number in range(3):
            assert talker.json("sessions", "rename", session, f"Title {number}")["ok"]
        assert running.stdout is not None
        told += [json.loads(line) for line in running.stdout]
        running.communicate()
    assert running.returncode == 0
    answers = [event for event in talker.run("--json", "sessions", "show").lines if event["kind"] == "agent_message"]
    assert [answer["text"].strip() for answer in answers] == [ANSWER]
    assert not answers[0].get("interrupted")


# updates of the database

NEWEST = len(LOCAL.scripts)
NEWEST_TABLE = LOCAL.scripts[-1].split("CREATE TABLE ")[1].split("(")[0]


def age(program: Program, megabytes: int = 0) -> None:
    """Take a home back to the version before the last update."""
    with opened(program) as home:

        def undo(operations: Any) -> None:
            connection = operations._engine.connection
            connection.execute(f"DROP TABLE {NEWEST_TABLE}")
            connection.execute("UPDATE meta SET value=? WHERE name='schema/sessions'", (NEWEST - 1,))
            connection.executemany(
                "INSERT OR REPLACE INTO blob VALUES(?,?,?)",
                [(os.urandom(32), 1 << 20, os.urandom(1 << 20)) for _ in range(megabytes)],
            )

        home.write(undo)


def version(program: Program) -> tuple[int, bool]:
    """The version of the tables, and whether they have what the last update adds."""
    unlocked = keyslots.unlock(program.home, passphrase=PASSPHRASE.encode())
    database = Database(program.home / DATABASE_NAME, unlocked.key, unlocked.database_id)
    with contextlib.closing(database.reader()) as connection:
        found = connection.execute("SELECT value FROM meta WHERE name='schema/sessions'").fetchone()[0]
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")]
    return found, NEWEST_TABLE in tables


def test_update(whole, tmp_path) -> None:
    victim = copied(whole[1], tmp_path)
    age(victim, megabytes=24)
    sessions = whole[1].json("sessions", "list")
    (tmp_path / "undisturbed").mkdir()
    seconds, moments, killed = timed(copied(victim, tmp_path / "undisturbed"), "sessions", "list"), random.Random(6), 0
    for _ in range(4):
        killed += killed_at(victim, seconds * (0.3 + 0.6 * moments.random()), "--json", "sessions", "list")
        found = version(victim)
        assert found in ((NEWEST - 1, False), (NEWEST, True))
        if found[0] == NEWEST:
            age(victim)
    assert killed
    assert victim.json("sessions", "list") == sessions
    names = {path.name for path in victim.home.iterdir()}
    assert "lovelace.before-update.db" in names and not [name for name in names if ".new" in name]
    with opened(victim) as home:
        check_home(home)


def test_several_update_at_once(whole, tmp_path) -> None:
    victim = copied(whole[1], tmp_path)
    age(victim)
    running = [begin(victim, "--json", "sessions", "list") for _ in range(4)]
    answers = [process.communicate(timeout=TIMEOUT_S) for process in running]
    assert [process.returncode for process in running] == [0] * 4, answers
    assert len({out for out, _ in answers}) == 1
    assert version(victim) == (NEWEST, True)
