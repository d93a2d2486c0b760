"""Several processes on one session: four that write as fast as they can, and how soon another sees what one wrote.

The writers are processes of their own (`python -m tests.benchmarks.writers`), which begin at one moment, append single
events and report the time of each. Beside them four write a row and its index entry into a bare database of the same
kind, with the same cipher, index and turns: what is left when everything that makes it Lovelace is taken away.
The watcher is this process; times of one machine's monotonic clock stand in the texts, so that what is measured is the
whole way: commit, wake-up, query.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from app.sessions.events import AgentMessage, Draft
from app.workspace import Credentials, Workspace
from sync.store import search_index
from sync.store.database import Database
from sync.store.turns import Turns
from tests.benchmarks.figures import Figure, quantile
from tests.benchmarks.place import Place

BAR_PER_S, BAR_P99_MS = 1_000.0, 20.0
BAR_EVENT_MS, BAR_DRAFT_MS = 100.0, 150.0
WRITERS, SECONDS = 4, 6.0
SAMPLES, PAUSE_S = 60, 0.07
_READY_S = 60
_TEXT = "x" * 300


def run(place: Place) -> Iterator[Figure]:
    """Throughput of four writers, then latencies between two processes."""
    with place.opened() as workspace:
        session = workspace.write(lambda operations: operations.create(title="Shared"))
        times, seconds, found = _four_writers(place, workspace, session)
        note = f"{WRITERS} processes, {found:,} events in {seconds:.1f} s, each its own transaction"
        yield Figure("four writers together", found / seconds, "events/s", BAR_PER_S, at_least=True, note=note)
        detail = {"p50_ms": round(quantile(times, 0.5), 3), "max_ms": round(max(times), 2)}
        yield Figure("four writers, one append p99", quantile(times, 0.99), "ms", BAR_P99_MS, detail=detail)
        yield from _four_bare_writers(place)
        other = workspace.write(lambda operations: operations.create(title="Watched"))
        for kind, bar in (("event", BAR_EVENT_MS), ("draft", BAR_DRAFT_MS)):
            seen = asyncio.run(_latencies(place, workspace, other, kind))
            detail = {"p50_ms": round(quantile(seen, 0.5), 2), "max_ms": round(max(seen), 2), "samples": len(seen)}
            name = "streamed text" if kind == "draft" else "event"
            yield Figure(f"{name} seen by another process, p99", quantile(seen, 0.99), "ms", bar, detail=detail)


def _begin(place: Place, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.benchmarks.writers", str(place.folder / "home"), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)


def _four_writers(place: Place, workspace: Workspace, session: str) -> tuple[list[float], float, int]:
    """Times of all appends in milliseconds, how long it took, and how many events are there more."""
    before = _count(workspace, session)
    times, seconds = _race([_begin(place, session, "write") for _ in range(WRITERS)])
    return times, seconds, _count(workspace, session) - before


def _four_bare_writers(place: Place) -> Iterator[Figure]:
    (place.folder / "bare").mkdir()
    database = _bare_database(place.folder / "bare")
    database.create()
    with closing(database.writer()) as connection:
        connection.execute("CREATE TABLE event(row INTEGER PRIMARY KEY, body TEXT NOT NULL)")
        search_index.create(connection)
    times, seconds = _race([_begin(place, str(place.folder / "bare"), "bare") for _ in range(WRITERS)])
    yield Figure(
        "  bare database, four writers together", len(times) / seconds, "events/s", note="row + index, committed"
    )
    yield Figure("  bare database, one write p99", quantile(times, 0.99), "ms")


def _bare_database(folder: Path) -> Database:
    return Database(folder / "bare.db", bytes(32), bytes(16))


def _race(writers: list[subprocess.Popen[str]]) -> tuple[list[float], float]:
    """Let them begin at one moment; the times of all writes in milliseconds, and how long it took."""
    for writer in writers:
        assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
    begun = time.perf_counter()
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    reports = [json.loads(writer.communicate(timeout=_READY_S)[0]) for writer in writers]
    seconds = time.perf_counter() - begun
    return [one for report in reports for one in report], seconds


def _count(workspace: Workspace, session: str) -> int:
    return workspace.read(lambda queries: queries.session(session)).events


async def _latencies(place: Place, workspace: Workspace, session: str, kind: str) -> list[float]:
    """From just before the write to having read it, in milliseconds."""
    writer = _begin(place, session, kind)
    assert writer.stdout is not None and writer.stdin is not None
    await asyncio.to_thread(writer.stdout.readline)
    seen: dict[str, float] = {}
    changes = workspace.changes()
    going = asyncio.create_task(_go_on(writer))
    async for change in changes:
        if session in change.sessions | change.drafts:
            for sent in await workspace.read_async(lambda queries: _sent(queries, session, kind)):
                seen.setdefault(sent, (time.monotonic() - float(sent)) * 1e3)
        if len(seen) >= SAMPLES:
            break
    await changes.aclose()
    going.cancel()
    await asyncio.wait({going})
    writer.stdin.close()
    await asyncio.to_thread(writer.wait)
    return list(seen.values())


async def _go_on(writer: subprocess.Popen[str]) -> None:
    await asyncio.sleep(1)  # the watcher watches by then
    while True:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
        await asyncio.sleep(PAUSE_S)


def _sent(queries, session: str, kind: str) -> list[str]:  # type: ignore[no-untyped-def]
    if kind == "draft":
        return [draft.text for draft in queries.drafts(session)]
    bodies = [event.body for event in queries.tail(session, 5)]
    return [body.text for body in bodies if isinstance(body, AgentMessage)]


def _write(workspace: Workspace, session: str) -> None:
    """Append for a while and print the times."""
    times = []
    print("ready", flush=True)
    sys.stdin.readline()
    until = time.perf_counter() + SECONDS

    def append(operations) -> None:  # type: ignore[no-untyped-def]
        while (begun := time.perf_counter()) < until:
            operations.append(session, [Draft(body=AgentMessage(text=_TEXT), time=0)])
            times.append((time.perf_counter() - begun) * 1e3)

    workspace.write(append)
    print(json.dumps(times))


def _write_bare(folder: Path) -> None:
    """As `_write`, without Lovelace."""
    times, turns = [], Turns(folder)
    with closing(_bare_database(folder).writer()) as connection:
        print("ready", flush=True)
        sys.stdin.readline()
        until = time.perf_counter() + SECONDS
        while (begun := time.perf_counter()) < until:
            with turns.taken():
                connection.execute("BEGIN IMMEDIATE")
                row = connection.execute("INSERT INTO event(body) VALUES(?)", (_TEXT,)).lastrowid
                search_index.OwnIndex(connection).add([(row, _TEXT, "w1 s1 t_interactive k_agent_message a1")])
                connection.execute("COMMIT")
            times.append((time.perf_counter() - begun) * 1e3)
    print(json.dumps(times))


def _tell_times(workspace: Workspace, session: str, kind: str) -> None:
    """Write the time of the clock whenever a line comes."""
    print("ready", flush=True)
    for _ in sys.stdin:
        now = f"{time.monotonic()} "  # a last word that may go on is held back
        if kind == "draft":
            workspace.write(lambda operations, text=now: operations.save_draft(session, "turn", "agent_message", text))
        else:
            draft = Draft(body=AgentMessage(text=now), time=0)
            workspace.write(lambda operations, draft=draft: operations.append(session, [draft]))


def _main(home: str, session: str, kind: str) -> None:
    if kind == "bare":
        _write_bare(Path(session))
        return
    with closing(Workspace.open(Path(home), Credentials())) as workspace:
        workspace.write(lambda operations: operations.set_setting("warm", None))
        if kind == "write":
            _write(workspace, session)
        else:
            _tell_times(workspace, session, kind)


if __name__ == "__main__":
    _main(*sys.argv[1:])
