"""A process that appends to a session of a test's home, as the window and the command line do.

`python -m tests.helpers.append_worker HOME SESSION NAME COUNT`: COUNT commits (0: until it is killed) of one to four
prompts, each told on stdout once it is committed: the ids of its events, on one line.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

from app.workspace import Workspace
from sync.clock import SystemClock
from tests.helpers.homes import database_in
from tests.helpers.talks import go_on

ROOT = Path(__file__).parents[2]
MOST = 4
"""Events of one commit."""


def main(home: str, session: str, name: str, count: str) -> None:
    """Write, acknowledge, repeat."""
    workspace = Workspace.start(database_in(Path(home)), name="Ada", clock=SystemClock())
    numbers = itertools.count() if count == "0" else range(int(count))
    for number in numbers:
        ids = go_on(workspace, session, *(f"{name} {number} {part}" for part in range(1 + number % MOST)))
        print(*ids, flush=True)
    workspace.close()


def start(home: Path, session: str, name: str, count: int = 0) -> subprocess.Popen[str]:
    """Begin such a process; its stdout is a pipe."""
    command = [sys.executable, "-m", "tests.helpers.append_worker", str(home), session, name, str(count)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
