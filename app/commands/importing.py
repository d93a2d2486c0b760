"""Bringing in sessions that other tools left on the disk, and exports of Lovelace: what there is, and the import of it.

The reading is done on the caller's thread; each piece is written by itself on the writing thread, so that others write
in between and the caller can end it after any piece, by an exception out of `progress`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, TypeVar

from app.errors import UserError

if TYPE_CHECKING:
    from app.importers.detect import Source
    from app.importers.ingest import ImportReport
    from app.sessions.archive_reader import ArchiveReport
    from app.sessions.events import BlobRef, Draft
    from app.sessions.import_operations import ImportTarget, RawEvent
    from app.sessions.operations import SessionOperations
    from app.sessions.queries import Queries
    from app.workspace import Workspace

Format = Literal["auto", "claude", "codex", "opencode", "gemini", "goose", "cursor", "lovelace"]
Advance = Callable[[int], None]
"""Gets the bytes that have been read so far."""
T = TypeVar("T")

_HEAD_BYTES = 4096


# what there is


@dataclass(frozen=True, slots=True)
class Found:
    """Files that can be imported."""

    archives: Sequence[Path]
    transcripts: Sequence[Source]

    @property
    def size(self) -> int:
        """Bytes of all of them."""
        return sum(source.size for source in self.transcripts) + sum(path.stat().st_size for path in self.archives)

    def words(self) -> str:
        """How many files of which tools, and how large they are."""
        from app.importers.registry import FORMATS

        counts = {format.title: sum(s.format == name for s in self.transcripts) for name, format in FORMATS.items()}
        counts["Lovelace"] = len(self.archives)
        *most, last = [f"{count:,} of {title}" for title, count in counts.items() if count] or ["nothing"]
        files = f"{', '.join(most)} and {last}" if most else last
        return f"{files}, {self.size / 1e6:,.1f} MB"


def find(places: Sequence[Path], format: Format = "auto") -> Found:
    """What can be imported from these files and folders; none: from where the tools keep theirs.

    Raises `UserError` when that is nothing, or a place is not there.
    """
    from app.importers.detect import find_sources
    from app.importers.registry import FORMATS, default_places

    looked = list(places) or default_places(formats=FORMATS if format in ("auto", "lovelace") else [format])
    archives = find_archives(looked) if format in ("auto", "lovelace") else []
    wanted = None if format == "auto" else format
    transcripts = find_sources(looked, format=wanted) if format != "lovelace" else []
    if not archives and not transcripts:
        where = ", ".join(map(str, looked)) or "the places where the tools keep theirs"
        raise UserError(f"No sessions were recognised in {where}.")
    return Found(archives, transcripts)


def find_archives(places: Sequence[Path]) -> list[Path]:
    """The exports of Lovelace among these files and, recursively, in these folders."""
    files = (file for place in places for file in (sorted(place.rglob("*")) if place.is_dir() else [place]))
    return [file for file in files if file.is_file() and _is_archive(file)]


def _is_archive(file: Path) -> bool:
    """Whether a file begins as an export of Lovelace does: by its content, whatever its name."""
    from app.sessions.archive import FORMAT

    try:
        with file.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError:
        return False
    return head.lstrip()[:1] == b"{" and re.search(rb'"format"\s*:\s*"' + FORMAT.encode() + b'"', head) is not None


# bringing it in


def bring_in(
    workspace: Workspace,
    found: Found,
    *,
    by_folder: bool = False,
    dry_run: bool = False,
    progress: Advance = lambda _done: None,
) -> Totals:
    """Import all that was found. by_folder: one workspace per source folder. dry_run: read and compare, write nothing.

    Damaged lines are counted, not raised; `UserError` for an export that is damaged or cannot be read.
    """
    total, done = Totals(), 0
    for path in found.archives:
        total.add_archive(_read_archive(workspace, path, dry_run, lambda more, before=done: progress(before + more)))  # type: ignore[misc]
        done += path.stat().st_size
    if found.transcripts:
        total.add_import(_ingest(workspace, found.transcripts, by_folder, dry_run, lambda more: progress(done + more)))
    return total


def _ingest(
    workspace: Workspace, sources: Sequence[Source], by_folder: bool, dry_run: bool, advance: Advance
) -> ImportReport:
    from app.importers.ingest import ImportOptions, ingest

    sink_for = Folders(workspace).sink if by_folder else None
    options = ImportOptions(dry_run=dry_run, sink_for=sink_for)
    sink = StoreSink(workspace)
    return ingest(sink, sources, options=options, progress=lambda now: advance(now.bytes_done))


def _read_archive(workspace: Workspace, path: Path, dry_run: bool, advance: Advance) -> ArchiveReport:
    from app.sessions.archive_reader import read_archive

    try:
        with path.open("rb") as file:
            watched: Any = _Watched(file, advance)
            if dry_run:
                return workspace.read(lambda queries: read_archive(watched, _Trial(queries)))
            return read_archive(watched, StoreSink(workspace))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from error


class StoreSink:
    """The operations that an import needs, for a thread that is not the writing one; each call is a transaction.

    inside: the id of a workspace, instead of that of the call.
    """

    def __init__(self, workspace: Workspace, inside: str | None = None) -> None:
        self._workspace = workspace
        self._inside = inside
        self._operations: SessionOperations | None = None

    def _run(self, call: Callable[[SessionOperations], T]) -> T:
        return self._workspace.write(lambda operations: call(self._own(operations)))

    def _own(self, operations: SessionOperations) -> SessionOperations:
        """Used on the writing thread only."""
        if self._operations is None:
            self._operations = operations if self._inside is None else operations.inside(self._inside)
        return self._operations

    def open_import(self, format: str, source: str) -> ImportTarget:
        """See `ImportOperations`, as for all of these."""
        return self._run(lambda operations: operations.open_import(format, source))

    def import_events(
        self, session: str, drafts: Sequence[Draft], *, floor: int = 0, after: str | None = None
    ) -> list[str]:
        """Writes a piece."""
        return self._run(lambda operations: operations.import_events(session, drafts, floor=floor, after=after))

    def find_source(self, session: str, source: str) -> str | None:
        """Finds an event by its source."""
        return self._run(lambda operations: operations.find_source(session, source))

    def has_session(self, session: str) -> bool:
        """Whether the session is there."""
        return self._run(lambda operations: operations.has_session(session))

    def restore_events(self, session: str, events: Sequence[RawEvent]) -> int:
        """Writes a piece of an export."""
        return self._run(lambda operations: operations.restore_events(session, events))

    def set_note(self, session: str, text: str) -> None:
        """Writes the note of a session."""
        self._run(lambda operations: operations.set_note(session, text))

    def restore_blob(self, ref: BlobRef, data: bytes) -> None:
        """Writes a blob of an export."""
        self._run(lambda operations: operations.restore_blob(ref, data))


class Folders:
    """The workspaces that folders have, or get. Not used on the writing thread."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._made: dict[str, StoreSink] = {}

    def sink(self, folder: str) -> StoreSink:
        """Where sessions of a folder go."""
        if folder not in self._made:
            opened = self._workspace.write(lambda operations: operations.open_folder(Path(folder)))
            self._made[folder] = StoreSink(self._workspace, opened)
        return self._made[folder]


class _Watched:
    """A binary file that tells how much of it was read."""

    def __init__(self, file: IO[bytes], advance: Advance) -> None:
        self._file, self._advance, self._done = file, advance, 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._done += len(data)
        self._advance(self._done)
        return data

    def seek(self, position: int) -> int:
        self._done = position
        return self._file.seek(position)


class _Trial:
    """Stands in for the operations when an export is only compared with what is there."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries
        self._known: dict[str, frozenset[str]] = {}

    def has_session(self, session: str) -> bool:
        return bool(self._ids(session))

    def restore_events(self, session: str, events: Sequence[RawEvent]) -> int:
        return sum(event.id not in self._ids(session) for event in events)

    def set_note(self, _session: str, _text: str) -> None:
        """Nothing is written."""

    def restore_blob(self, _ref: object, _data: bytes) -> None:
        """Nothing is written."""

    def _ids(self, session: str) -> frozenset[str]:
        if session not in self._known:
            try:
                own = (event.id for event in self._queries.iterate(session) if not event.inherited)
                self._known[session] = frozenset(own)
            except UserError:
                self._known[session] = frozenset()
        return self._known[session]


# the report


@dataclass(slots=True)
class Totals:
    """The counts of all sources together, under their names in JSON; see `cli.md` for their meaning."""

    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ("sources", "sessions", "created", "updated", "unchanged", "events", "notices"), 0
        )
    )
    skipped: list[Mapping[str, Any]] = field(default_factory=list)

    def add_import(self, report: ImportReport) -> None:
        """Count what came out of transcripts."""
        shown = report.to_json()
        self.skipped += shown["skipped"]
        for name in self.counts:
            self.counts[name] += shown[name]

    def add_archive(self, report: ArchiveReport) -> None:
        """Count what came out of an export."""
        for name in ("created", "updated", "unchanged", "events", "notices"):
            self.counts[name] += getattr(report, name)
        self.counts["sources"] += 1
        self.counts["sessions"] += report.created + report.updated + report.unchanged

    def reasons(self) -> dict[str, int]:
        """Why lines were not read, with how many they are; the most frequent first."""
        found: dict[str, int] = {}
        for line in self.skipped:
            found[line["reason"]] = found.get(line["reason"], 0) + line.get("lines", 1)
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    def sentence(self) -> str:
        """What came, for people."""
        files = "1 file" if self.counts["sources"] == 1 else f"{self.counts['sources']:,} files"
        return (
            f"{files}: "
            + "{sessions:,} sessions ({created:,} new, {updated:,} updated, {unchanged:,} as they were), "
            "{events:,} events, {notices:,} of them notices.".format(**self.counts)
        )
