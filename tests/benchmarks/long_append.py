"""A process that appends to a session of 100,000 events, next to one that only holds the home open; and the rebuild.

Each process is a new one, which says how much memory it has and how long its first append took.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.sessions.events import AgentMessage, Draft
from app.workspace import Credentials, Workspace
from tests.benchmarks.figures import Figure
from tests.benchmarks.long_session import write_session
from tests.benchmarks.place import Place

BAR_MB = 100.0
BAR_MS = 50.0
BAR_REBUILD = 15_000.0
APPENDS = 300
_ROOT = Path(__file__).parents[2]


def run(place: Place) -> Iterator[Figure]:
    """Writes the session, appends to it from new processes, and rebuilds the home."""
    count = place.sizes.session_events
    with place.opened() as workspace:
        session = workspace.write(lambda operations: write_session(operations, count))
    idle, busy = _process(place, session, 0), _process(place, session, APPENDS)
    note = f"{busy['mb']:.0f} MB after {APPENDS} appends, idle {idle['mb']:.0f} MB"
    yield Figure(f"appending to {count:,}: beyond idle", busy["mb"] - idle["mb"], "MB", BAR_MB, note=note)
    yield Figure(f"first append to {count:,}", busy["first_ms"], "ms", BAR_MS, note="engine and connection open")
    with place.opened() as workspace:
        begun, before = time.perf_counter(), time.process_time()
        events = workspace.write(lambda operations: operations.rebuild())
        seconds, busy_seconds = time.perf_counter() - begun, time.process_time() - before
    note = f"{events:,} events in {seconds:.1f} s, {events / busy_seconds:,.0f} by time on a processor"
    yield Figure("rebuild", events / seconds, "events/s", BAR_REBUILD, at_least=True, note=note)


def _process(place: Place, session: str, appends: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.long_append", str(place.folder / "home"), session, str(appends)]
    done = subprocess.run(command, stdout=subprocess.PIPE, cwd=_ROOT, check=True, timeout=300)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _resident_mb() -> float:
    """Resident memory of this process, where there is a /proc."""
    try:
        lines = Path(f"/proc/{os.getpid()}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), 0.0)


def _measured(home: Path, session: str, appends: int) -> dict[str, float]:
    """What the process of its own does: opens the home for writing, then appends."""
    workspace = Workspace.open(home, Credentials())
    workspace.write(lambda operations: operations.new_id())
    first = 0.0
    for number in range(appends):
        draft = Draft(body=AgentMessage(text=f"Number {number} of some more"), time=time.time_ns() // 1_000_000)
        begun = time.perf_counter()
        workspace.write(lambda operations, draft=draft: operations.append(session, [draft]))  # type: ignore[misc]
        first = first or (time.perf_counter() - begun) * 1e3
    mb = _resident_mb()
    workspace.close()
    return {"mb": mb, "first_ms": first}


if __name__ == "__main__":
    print(json.dumps(_measured(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))))
