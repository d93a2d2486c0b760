"""`lovelace backup` as a whole process while this one appends: its speed, and what it costs the appends.

Half of the home is in the database, half in sealed files. Appends come one after another with a short pause, as of a
busy agent; their times before the backup are the measure.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator

from app.sessions.events import AgentMessage, Draft, FileChange
from app.sessions.operations import SessionOperations
from tests.benchmarks.figures import Figure, quantile
from tests.benchmarks.place import PROGRAM_TIMEOUT_S, Place, children_seconds, folder_bytes
from tests.benchmarks.words import Words

BAR_MB_S = 100.0
BAR_RATIO = 2.0
TEXT_BYTES = 350
CALM_S = 5.0
PAUSE_S = 0.002
_ROW_BYTES, _FILE_BYTES = 200_000, 5_000_000


def run(place: Place) -> Iterator[Figure]:
    """Fills a home with payloads that do not compress, then measures."""
    target = place.folder / "backup"
    with place.opened() as workspace:
        session = workspace.write(lambda operations: _fill(operations, place.sizes.backup_megabytes * 10**6))
        words = Words(5)

        def append() -> None:
            text = words.text(TEXT_BYTES)
            workspace.write(
                lambda operations: operations.append(session, [Draft(body=AgentMessage(text=text), time=1)])
            )

        end = time.perf_counter() + CALM_S
        calm = _times(append, lambda: time.perf_counter() < end)
        begun, before = time.perf_counter(), children_seconds()
        with subprocess.Popen(place.command("--quiet", "backup", str(target)), cwd=place.folder) as child:
            busy = _times(append, lambda: child.poll() is None)
            seconds = time.perf_counter() - begun
            if child.wait(PROGRAM_TIMEOUT_S) != 0:
                raise subprocess.CalledProcessError(child.returncode, "backup")
    size, processor = folder_bytes(target), children_seconds() - before
    ratio = quantile(busy, 0.99) / quantile(calm, 0.99)
    yield Figure("backup", size / 1e6 / seconds, "MB/s", BAR_MB_S, at_least=True, note=f"{size / 1e6:.0f} MB")
    yield Figure("backup, by processor time", size / 1e6 / processor, "MB/s", note="which a busy machine disturbs less")
    yield Figure("append p99 during backup", quantile(busy, 0.99), "ms", note=f"{len(busy):,} appends")
    yield Figure("append p99, during / before", ratio, "×", BAR_RATIO)


def _fill(operations: SessionOperations, size: int) -> str:
    session = operations.create(title="Payloads")
    for piece in (_ROW_BYTES, _FILE_BYTES):
        for number in range(size // 2 // piece):
            ref = operations.put_blob(os.urandom(piece))
            operations.append(session, [Draft(body=FileChange(path=f"{piece}/{number}", after=ref), time=1)])
    return session


def _times(append: Callable[[], None], go_on: Callable[[], bool]) -> list[float]:
    """Milliseconds of each append."""
    times = []
    while go_on():
        begun = time.perf_counter()
        append()
        times.append((time.perf_counter() - begun) * 1e3)
        time.sleep(PAUSE_S)
    return times
