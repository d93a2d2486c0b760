"""The window as a whole process: how soon it stands with 10,000 sessions, what it costs when nothing happens."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.figures import Figure, quantile
from tests.benchmarks.idle import processor_seconds
from tests.benchmarks.place import Place
from tests.benchmarks.sessions_list import write_sessions

START_BAR, IDLE_BAR_PERCENT, MEMORY_BAR_MB = 1.5, 0.5, 300.0
REPEATS = 9
SETTLE_S, IDLE_S = 12.0, 20.0
"""A window is at rest when it has imported the agents, which it does after five seconds (`app.ui.app.AGENTS_MS`)."""


def run(place: Place) -> Iterator[Figure]:
    """Starts it next to an empty window of the same toolkit, in turn."""
    count = place.sizes.listed_sessions
    with place.opened() as workspace:
        workspace.write(lambda operations: write_sessions(operations, count))
    product, empty = [], []
    for _ in range(REPEATS + 1):
        product.append(_start(str(place.folder / "home")))
        empty.append(_start("empty"))
    ours, bare = quantile(product[1:], 0.5), quantile(empty[1:], 0.5)
    note = f"{ours * 1e3:.0f} ms, an empty window {bare * 1e3:.0f} ms; medians of {REPEATS}"
    detail = {"product_ms": round(ours * 1e3), "empty_ms": round(bare * 1e3), "best_ms": round(min(product) * 1e3)}
    yield Figure(f"window with {count:,} sessions", ours / bare, "× empty", START_BAR, note=note, detail=detail)
    yield from resting(place)


def resting(place: Place) -> Iterator[Figure]:
    """Processor and memory of a window over the home of this place, with nothing to do."""
    with opened_window(str(place.folder / "home")) as process:
        time.sleep(SETTLE_S)
        begun, before = time.perf_counter(), processor_seconds(process.pid)
        time.sleep(IDLE_S)
        percent = (processor_seconds(process.pid) - before) / (time.perf_counter() - begun) * 100
        memory = _proportional_kib(process.pid) / 1024
    yield Figure("window at rest", percent, "% of a core", IDLE_BAR_PERCENT, note=f"over {IDLE_S:.0f} s")
    yield Figure("  its memory", memory, "MiB", MEMORY_BAR_MB, note="resident; pages shared with others in part")


@contextmanager
def opened_window(home: str) -> Iterator[subprocess.Popen[bytes]]:
    """A window as a process, once it is painted."""
    command = [sys.executable, "-m", "tests.benchmarks.window_probe", home]
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root)
    try:
        assert process.stdout is not None
        if process.stdout.readline() != b"painted\n":
            raise RuntimeError(f"The window ended with {process.wait(10)} before it was painted.")
        yield process
    finally:
        process.kill() if process.stdin is None else process.stdin.close()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _start(home: str) -> float:
    """Seconds from the start of the process until its window is painted."""
    begun = time.perf_counter()
    with opened_window(home):
        return time.perf_counter() - begun


def _proportional_kib(pid: int) -> int:
    """Proportional set size; Linux only."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
