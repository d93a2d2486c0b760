"""`lovelace sessions list --json` as a person's script sees it: the whole process, its output in a pipe."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from app.sessions.events import Draft, UserMessage
from app.sessions.operations import SessionOperations
from tests.benchmarks.figures import Figure, quantile
from tests.benchmarks.place import PROGRAM_TIMEOUT_S, Place
from tests.benchmarks.words import Words

BAR_S = 0.35
REPEATS = 11
_SHOWN_MODULES = 25
_START_MS = 1_760_000_000_000


def run(place: Place) -> Iterator[Figure]:
    """Writes the sessions, then lists them several times; the first run warms the caches and does not count."""
    count = place.sizes.listed_sessions
    with place.opened() as workspace:
        workspace.write(lambda operations: write_sessions(operations, count))
    runs = [place.run("--json", "sessions", "list") for _ in range(REPEATS)]
    assert len(runs[0].json) == count
    times = [run.seconds for run in runs[1:]]
    version = [place.run("--version").seconds for _ in range(REPEATS)]
    one = [place.run("--json", "sessions", "list", "--limit", "1").seconds for _ in range(REPEATS)]
    cpu = quantile([run.cpu_seconds for run in runs[1:]], 0.5)
    size = f"{len(runs[0].out) / 1e6:.1f} MB of JSON"
    note = f"median of {len(times)}, best {min(times):.3f} s, {cpu:.2f} s of processor, {size}"
    detail = {
        "best_s": round(min(times), 3),
        "worst_s": round(max(times), 3),
        "cpu_s": round(cpu, 3),
        "bytes": len(runs[0].out),
    }
    yield Figure(f"list of {count:,} sessions", quantile(times, 0.5), "s", BAR_S, note=note, detail=detail)
    yield Figure("  the same with --limit 1", quantile(one, 0.5), "s", note="unlocking and opening included")
    yield Figure("  --version", quantile(version, 0.5), "s", note="Python and the command line alone")
    if place.verbose:
        _tell_imports(place)


def write_sessions(operations: SessionOperations, count: int) -> None:
    """So many sessions of one event."""
    words = Words(5)
    for number in range(count):
        now = _START_MS + number * 60_000
        session = operations.create(title=" ".join(words.draw(6)), agent="claude", tags=words.draw(number % 3))
        operations.append(session, [Draft(body=UserMessage(text=words.text(100)), time=now)])


@dataclass(frozen=True, slots=True, order=True)
class _Import:
    """Of one module, in microseconds; `total` includes what it imports itself."""

    own: int
    total: int
    name: str


def _tell_imports(place: Place) -> None:
    """Which modules the command spends its time importing."""
    command = [sys.executable, "-X", "importtime", *place.command("--json", "sessions", "list")]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=PROGRAM_TIMEOUT_S, check=True, cwd=place.folder
    )
    rows = [line.removeprefix("import time:").split("|") for line in done.stderr.splitlines() if "|" in line]
    imports = [_Import(int(own), int(total), name) for own, total, name in rows if own.strip().isdigit()]
    place.say(f"{len(imports)} modules, {sum(each.own for each in imports) / 1e3:.0f} ms (measuring slows them down)")
    for each in sorted(imports, reverse=True)[:_SHOWN_MODULES]:
        place.say(f"{each.own / 1e3:7.1f} ms own {each.total / 1e3:7.1f} ms total {each.name}")
    place.say("by what they bring in:")
    for each in sorted(imports, key=lambda each: -each.total)[:_SHOWN_MODULES]:
        place.say(f"{each.total / 1e3:7.1f} ms {each.name}")
