"""How fast transcripts come in: through the importer as a library, and through the whole program."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from app.importers.detect import find_sources
from app.importers.ingest import ImportReport, ingest
from tests.benchmarks.figures import Figure
from tests.benchmarks.place import Place
from tests.benchmarks.transcripts import generate_claude

BAR_PER_S = 5_000.0


def run(place: Place) -> Iterator[Figure]:
    """Imports the same transcript twice, each time into an empty home."""
    transcript = place.folder / "session.jsonl"
    generate_claude(transcript, seed=1, events=place.sizes.import_records)
    size = transcript.stat().st_size
    seconds, cpu, report = _import_as_library(place, transcript)
    yield _rate("import, library", report.events, seconds, cpu, size)
    process = place.watch("--json", "import", str(transcript), home="second")
    yield _rate("import, process", process.json["events"], process.seconds, process.cpu_seconds, size)


def _import_as_library(place: Place, transcript: Path) -> tuple[float, float, ImportReport]:
    with place.opened() as workspace:
        begun, cpu = time.perf_counter(), time.process_time()
        report = workspace.write(lambda operations: ingest(operations, find_sources([transcript])))
        return time.perf_counter() - begun, time.process_time() - cpu, report


def _rate(name: str, events: int, seconds: float, cpu: float, size: int) -> Figure:
    detail = {
        "events": events,
        "seconds": round(seconds, 2),
        "cpu_s": round(cpu, 2),
        "mb_per_s": round(size / 1e6 / seconds, 2),
    }
    note = f"{events:,} events of a {size / 1e6:,.0f} MB transcript; {events / cpu:,.0f} a second of processor"
    return Figure(name, events / seconds, "events/s", BAR_PER_S, at_least=True, note=note, detail=detail)
