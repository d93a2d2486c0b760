"""How fast what is captured is searched for secrets, on one core: transcripts in batches, and source files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from app.sessions.redaction.finding import find_secrets, which_hold
from tests.benchmarks.figures import Figure, wall_and_processor
from tests.benchmarks.place import Place
from tests.benchmarks.transcripts import generate_claude
from tests.helpers.secrets_to_plant import TOKENS

BAR_MB = 20.0
MEGABYTES, ROUNDS, BATCH = 4, 5, 1_000
EVERY = 20
"""One line in so many has a secret in the last measure."""


def run(place: Place) -> Iterator[Figure]:
    """Searches them as they are captured; texts with secrets once more, to put placeholders in."""
    path = place.folder / "transcript.jsonl"
    generate_claude(path, seed=1, bytes=MEGABYTES * 10**6)
    lines = path.read_bytes().splitlines()
    tokens = [token.encode() for token in sorted(TOKENS.values())]
    planted = [line + tokens[n % len(tokens)] if n % EVERY == 0 else line for n, line in enumerate(lines)]
    files = [file.read_bytes() for file in sorted(Path(__file__).parents[2].glob("app/**/*.py"))]
    yield _figure("transcript", lines, lambda: _in_batches(lines))
    yield _figure("transcript with secrets", planted, lambda: _in_batches(planted))
    yield _figure("source files", files, lambda: sum(len(find_secrets(file.decode())) for file in files))


def _in_batches(lines: list[bytes]) -> int:
    found = 0
    for at in range(0, len(lines), BATCH):
        batch = lines[at : at + BATCH]
        found += sum(len(find_secrets(batch[number].decode())) for number in which_hold(batch))
    return found


def _figure(name: str, texts: list[bytes], search: Callable[[], int]) -> Figure:
    size, found = sum(map(len, texts)), search()
    spent = min(wall_and_processor(search)[1] for _ in range(ROUNDS))
    note = f"{size / 1e6:.1f} MB in {len(texts):,} texts, {found:,} secrets; processor time, best of {ROUNDS}"
    return Figure(f"searched for secrets: {name}", size / 1e3 / spent, "MB/s", BAR_MB, at_least=True, note=note)
