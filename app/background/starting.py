"""Sees to it that somebody does the jobs of a home: starts the process that does, unless it is there."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sync.network.lease import is_running
from sync.store.processes import is_alive

if TYPE_CHECKING:
    from app.workspace import Workspace
    from sync.store.database import Database

LEASE = "background.lock"
"""Whoever holds it does the jobs of the home."""
START_SECONDS = 30.0
CARE_SECONDS = 4.0
_CODE = str(Path(__file__).resolve().parents[2])
"""The folder that our packages are in."""


def has_work(workspace: Workspace) -> bool:
    """Whether a job is to be done that no living process does."""
    jobs = workspace.read(lambda queries: queries.ready_jobs())
    return any(job.process is None or not is_alive(workspace.home, job.process) for job in jobs)


def see_to_jobs(workspace: Workspace) -> bool:
    """Start the process that does the jobs where there is something to do for it; gives whether it was started.

    Waits until it is on its own, a moment; call it off the main thread of a window.
    """
    if not has_work(workspace) or is_running(workspace.home, LEASE):
        return False
    _start(workspace.database)
    return True


async def keep_seeing_to_jobs(workspace: Workspace) -> None:
    """As `see_to_jobs`, until cancelled: the death of a process tells nobody."""
    while True:
        await asyncio.to_thread(see_to_jobs, workspace)
        await asyncio.sleep(CARE_SECONDS)


def _start(database: Database) -> None:
    """The program goes on by itself: it leaves this process's children at once, so nobody has to wait for its end.

    The key of the database goes through a pipe, so that neither a passphrase nor a keyring is needed again.
    """
    reading, writing = os.pipe()
    try:
        os.write(writing, b"".join(database.identity).hex().encode())
        os.close(writing)
        program = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-P", "-m", "app"]
        subprocess.run(
            [*program, "--home", str(database.path.parent), "background", "--key-fd", str(reading)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (_CODE, os.environ.get("PYTHONPATH"))))},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(reading,),
            start_new_session=True,
            timeout=START_SECONDS,
            check=False,
        )
    finally:
        os.close(reading)
