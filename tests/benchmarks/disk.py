"""How much disk a home takes next to the transcripts that it was imported from, and which tables take it.

SQLCipher is built without `dbstat`; the parts are those of a plain copy, which has no unused pages and no page tags, so
they add up to less than the file.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from sync.store import keyslots
from sync.store.database import DATABASE_NAME, Database
from tests.benchmarks.figures import Figure
from tests.benchmarks.place import Place, folder_bytes
from tests.benchmarks.transcripts import generate_claude

BAR_RATIO = 2.5
FILES = 4


def run(place: Place) -> Iterator[Figure]:
    """Imports some transcripts and looks at what the home takes once it is closed."""
    transcripts = place.folder / "transcripts"
    transcripts.mkdir()
    for seed in range(FILES):
        generate_claude(transcripts / f"{seed}.jsonl", seed=seed + 10, events=place.sizes.import_records // FILES // 2)
    source, home = folder_bytes(transcripts), place.folder / "home"
    events = place.run("--json", "import", str(transcripts)).json["events"]
    total = folder_bytes(home)
    parts = table_bytes(home, place.folder / "plain.db")
    note = f"{total / 1e6:.1f} MB for {source / 1e6:.1f} MB, {events:,} events, index included"
    shares = {name: round(size / source, 3) for name, size in parts.most_common()}
    detail = {"home": total, "transcripts": source, "blob_files": _blob_files(home), "shares": shares}
    yield Figure("home / transcripts", total / source, "×", BAR_RATIO, note=note, detail=detail)
    for name, size in parts.most_common(8):
        yield Figure(f"  of it {name}", size / source, "×", note=f"{size / events:,.0f} bytes an event")


def _blob_files(home: Path) -> int:
    return folder_bytes(home / "blobs") if (home / "blobs").exists() else 0


def table_bytes(home: Path, copy: Path) -> Counter[str]:
    """Bytes of each table and index, those of the full-text index under its own name."""
    unlocked = keyslots.unlock(home)
    with closing(Database(home / DATABASE_NAME, unlocked.key, unlocked.database_id).writer()) as connection:
        connection.execute("ATTACH ? AS plain KEY ''", (str(copy),))
        connection.execute("SELECT sqlcipher_export('plain')").fetchone()
        connection.execute("DETACH plain")
    with closing(sqlite3.connect(copy)) as plain:
        sizes = Counter(dict(plain.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name").fetchall()))
    copy.unlink()
    grouped: Counter[str] = Counter()
    for name, size in sizes.items():
        grouped[re.sub(r"^sqlite_autoindex_(\w+?)_\d+$", r"\1 (key)", name)] += size
    return grouped
