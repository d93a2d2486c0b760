"""Memory of the program while it imports one very large transcript."""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks.figures import Figure
from tests.benchmarks.place import Place, folder_bytes
from tests.benchmarks.transcripts import generate_claude

BAR_MB = 300.0


def run(place: Place) -> Iterator[Figure]:
    """Makes the transcript on the disk, imports it, measures the process."""
    transcript = place.folder / "large.jsonl"
    generate_claude(transcript, seed=3, bytes=place.sizes.transcript_bytes)
    size = transcript.stat().st_size
    process = place.watch("--json", "import", str(transcript))
    events = process.json["events"]
    yield Figure(
        "peak memory of the import",
        process.peak_kib / 1024,
        "MiB",
        BAR_MB,
        note=f"{size / 1e9:.2f} GB, {events:,} events in {process.seconds:.0f} s",
        detail={"bytes": size, "events": events, "seconds": round(process.seconds, 1)},
    )
    yield Figure("events/s of that import", events / process.seconds, "events/s")
    yield Figure("home / transcript of that import", folder_bytes(place.folder / "home") / size, "×")
