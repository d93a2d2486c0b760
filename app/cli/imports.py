"""`lovelace import`: sessions that other tools left on the disk, and exports of Lovelace."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from app.cli.call import Call, call_of
from app.cli.declared import group
from app.cli.errors import UsageError
from app.errors import UserError

if TYPE_CHECKING:
    from app.importers.detect import Source
    from app.importers.ingest import ImportReport
    from app.sessions.archive_reader import ArchiveReport
    from app.sessions.import_operations import RawEvent
    from app.sessions.operations import SessionOperations
    from app.sessions.queries import Queries
    from app.workspace import Workspace

cli = group("")

Format = Literal["auto", "claude", "codex", "lovelace"]
T = TypeVar("T")

_SHOWN_SKIPPED = 10
_HEAD_BYTES = 4096


@cli.command("import")
def import_(
    context: typer.Context,
    sources: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[SOURCE]…", help="Files and folders; none: where the tools keep theirs."),
    ] = None,
    format: Annotated[Format, typer.Option(help="auto looks into each file.")] = "auto",
    by_folder: Annotated[
        bool, typer.Option("--by-folder", help="One workspace per source folder instead of this one.")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on with what is written to them; one report each time.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Report what would come, change nothing.")] = False,
) -> None:
    """Bring in sessions of Claude Code, Codex and Lovelace; repeated, nothing comes twice."""
    call = call_of(context)
    if follow:
        _follow(call, sources or [], format, by_folder=by_folder, dry_run=dry_run)
        return
    found = _find(sources or [], format)
    with call.workspace() as workspace:
        total = Totals()
        for path in found.archives:
            total.add_archive(_read_archive(call, workspace, path, dry_run=dry_run))
        if found.transcripts:
            total.add_import(_ingest(call, workspace, found.transcripts, by_folder=by_folder, dry_run=dry_run))
    report(call, total)


def _follow(call: Call, places: list[Path], format: Format, *, by_folder: bool, dry_run: bool) -> None:
    """Bring in the exports that are there, and keep up with transcripts until the person or the system ends that."""
    from app.cli.follow import Following
    from app.importers.registry import possible_places

    if dry_run:
        raise UsageError("--follow writes what comes; --dry-run only goes with an import that ends.")
    if format == "lovelace":
        raise UsageError("--follow is for transcripts that grow; an export of Lovelace is complete.")
    looked = [place.absolute() for place in places] or possible_places()
    with call.workspace() as workspace:
        first = Totals()
        if format == "auto":
            for path in _find_archives([place for place in looked if os.path.exists(place)]):
                first.add_archive(_read_archive(call, workspace, path, dry_run=False))
        sinks = Folders if by_folder else None
        Following(call, workspace, looked, None if format == "auto" else format, sinks, report).run(first)


@dataclass(frozen=True, slots=True)
class _Found:
    archives: list[Path]
    transcripts: list[Source]


def _find(places: list[Path], format: Format) -> _Found:
    """What can be imported. Raises `UserError` when that is nothing."""
    from app.importers.detect import find_sources
    from app.importers.registry import default_places

    looked = places or default_places()
    archives = _find_archives(looked) if format in ("auto", "lovelace") else []
    wanted = None if format == "auto" else format
    transcripts = find_sources(looked, format=wanted) if format != "lovelace" else []
    if not archives and not transcripts:
        where = ", ".join(map(str, looked)) or "the default places of Claude Code and Codex"
        raise UserError(f"No sessions were recognised in {where}.")
    return _Found(archives, transcripts)


def _find_archives(places: list[Path]) -> list[Path]:
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


# transcripts of other tools


def _ingest(call: Call, workspace: Workspace, sources: list[Source], *, by_folder: bool, dry_run: bool) -> ImportReport:
    from app.importers.ingest import ImportOptions, ingest

    def run(operations: SessionOperations) -> ImportReport:
        sink_for = Folders(operations).sink if by_folder else None
        options = ImportOptions(dry_run=dry_run, sink_for=sink_for)
        return ingest(operations, sources, options=options, progress=lambda now: advance(now.bytes_done))

    with call.out.progress("Importing", sum(source.size for source in sources)) as bar, _stoppable(bar) as advance:
        return workspace.write(run)


class Folders:
    """The workspaces that folders have, or get."""

    def __init__(self, operations: SessionOperations) -> None:
        self._operations = operations
        self._made: dict[str, SessionOperations] = {}

    def sink(self, folder: str) -> SessionOperations:
        if folder not in self._made:
            self._made[folder] = self._operations.inside(self._operations.open_folder(Path(folder)))
        return self._made[folder]


# exports of Lovelace


def _read_archive(call: Call, workspace: Workspace, path: Path, *, dry_run: bool) -> ArchiveReport:
    from app.sessions.archive_reader import read_archive

    with (
        path.open("rb") as file,
        call.out.progress(f"Reading {path.name}", path.stat().st_size) as bar,
        _stoppable(bar) as advance,
    ):
        watched: Any = _Watched(file, advance)
        if dry_run:
            return workspace.read(lambda queries: read_archive(watched, _Trial(queries)))
        return workspace.write(lambda operations: read_archive(watched, operations))


class _Watched:
    """A binary file that tells how much of it was read."""

    def __init__(self, file: IO[bytes], advance: Callable[[int], None]) -> None:
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


@contextmanager
def _stoppable(advance: Callable[[int], None]) -> Iterator[Callable[[int], None]]:
    """Progress that ends the work of another thread at its next step once this thread was interrupted."""
    stopped = threading.Event()

    def step(done: int) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        advance(done)

    try:
        yield step
    except KeyboardInterrupt:
        stopped.set()
        raise


# the report


@dataclass(slots=True)
class Totals:
    """The counts of all sources together, under their names in JSON."""

    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ("sources", "sessions", "created", "updated", "unchanged", "events", "notices"), 0
        )
    )
    skipped: list[dict[str, Any]] = field(default_factory=list)

    def add_import(self, report: ImportReport) -> None:
        shown = report.to_json()
        self.skipped += shown["skipped"]
        for name in self.counts:
            self.counts[name] += shown[name]

    def add_archive(self, report: ArchiveReport) -> None:
        for name in ("created", "updated", "unchanged", "events", "notices"):
            self.counts[name] += getattr(report, name)
        self.counts["sources"] += 1
        self.counts["sessions"] += report.created + report.updated + report.unchanged


def report(call: Call, total: Totals) -> None:
    """Print what came: an object with `--json`, else a sentence and what was passed over."""
    if call.out.json:
        call.out.value({**total.counts, "skipped": total.skipped})
        return
    files = "1 file" if total.counts["sources"] == 1 else f"{total.counts['sources']:,} files"
    call.out.line(
        f"{files}: "
        + "{sessions:,} sessions ({created:,} new, {updated:,} updated, {unchanged:,} as they"
        " were), {events:,} events, {notices:,} of them notices.".format(**total.counts)
    )
    for line in total.skipped[:_SHOWN_SKIPPED]:
        call.out.remark(f"skipped {line['source']}:{line['line']}: {line['reason']}")
    if len(total.skipped) > _SHOWN_SKIPPED:
        call.out.remark(f"… and {len(total.skipped) - _SHOWN_SKIPPED} more; --json lists them")
