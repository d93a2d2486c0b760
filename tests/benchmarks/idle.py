"""What it costs to have a session open in two processes and nothing to do."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from app.sessions.events import AgentMessage, Draft
from tests.benchmarks.figures import Figure
from tests.benchmarks.place import Place

BAR_PERCENT = 0.5
SECONDS = 20.0
EVENTS = 1_000
_TICK = 1 / 100  # of /proc, in seconds
_SETTLE_S = 3.0


def run(place: Place) -> Iterator[Figure]:
    """Processor time of two processes that follow one session, over a while without events."""
    with place.opened() as workspace:
        session = workspace.write(lambda operations: operations.create(title="Open"))
        drafts = [Draft(body=AgentMessage(text=f"event {number}"), time=number) for number in range(EVENTS)]
        workspace.write(lambda operations: operations.append(session, drafts))
    command = place.command("sessions", "show", session, "--limit", "1", "--follow")
    watchers = [subprocess.Popen(command, stdout=subprocess.PIPE, cwd=place.folder) for _ in range(2)]
    try:
        for watcher in watchers:
            assert watcher.stdout is not None
            watcher.stdout.readline()
        time.sleep(_SETTLE_S)
        begun, before = time.perf_counter(), [processor_seconds(watcher.pid) for watcher in watchers]
        time.sleep(SECONDS)
        spent = [processor_seconds(watcher.pid) - used for watcher, used in zip(watchers, before, strict=True)]
        seconds = time.perf_counter() - begun
    finally:
        for watcher in watchers:
            watcher.kill()
            watcher.communicate()
    percent = max(spent) / seconds * 100
    note = f"the busier of two processes over {seconds:.0f} s"
    yield Figure("idle, a session open in two processes", percent, "% of a core", BAR_PERCENT, note=note)


def processor_seconds(pid: int) -> float:
    """User and system time of a process; Linux only."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK
