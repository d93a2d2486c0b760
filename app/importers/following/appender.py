"""Writes what following reads: the same stream as an import, in pieces, over hours, beside other writers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from app.importers.drafts import Item
from app.importers.ingest import ImportOptions, ImportReport, ImportSink, ImportWriter, Pending, Target
from app.sessions.events import Draft


class SharedTarget(Target, Protocol):
    """last: the greatest id of the events that are there already."""

    @property
    def last(self) -> str: ...


class SharedSink(Protocol):
    """What following needs of `SessionOperations`: as `ImportSink`, and not to write what others have written."""

    def open_import(self, format: str, source: str) -> SharedTarget: ...
    def import_events(
        self, session: str, drafts: Sequence[Draft], *, floor: int = 0, after: str | None = None
    ) -> list[str]: ...
    def find_source(self, session: str, source: str) -> str | None: ...


class KnowingSink:
    """An `ImportSink` that tells the sink behind it up to which event it knows each session."""

    def __init__(self, sink: SharedSink) -> None:
        self._sink = sink
        self._last: dict[str, str] = {}

    def open_import(self, format: str, source: str) -> Target:
        target = self._sink.open_import(format, source)
        self._last[target.session] = target.last
        return target

    def import_events(self, session: str, drafts: Sequence[Draft], *, floor: int = 0) -> list[str]:
        ids = self._sink.import_events(session, drafts, floor=floor, after=self._last.get(session, ""))
        self._last[session] = max([self._last.get(session, ""), *ids])
        return ids

    def find_source(self, session: str, source: str) -> str | None:
        return self._sink.find_source(session, source)


class Appender(ImportWriter):
    """Writes one piece of a stream after the other, and reports on them whenever it is asked."""

    def __init__(self, sink: ImportSink, options: ImportOptions | None = None) -> None:
        super().__init__(sink, options or ImportOptions(), lambda _: None, ())
        self._doubtful: set[tuple[str, str]] = set()

    def write(self, format: str, items: Iterable[Item]) -> None:
        """Writes a piece. Where it raises, nothing of it counts, and the same piece may be given again."""
        skipped, further = list(self._report.skipped), dict(self._report._further)
        report, states = replace(self._report, skipped=skipped, _further=further), dict(self._states)
        try:
            for item in items:
                self.take(format, item)
            self.flush()
            self._forget_doubtful()
        except BaseException:
            self._report, self._states = report, states
            self._reset()
            raise

    def report(self, sources: int) -> ImportReport:
        """What came since the last report, out of so many files."""
        report = self.finish()
        report.sources = sources
        self._report, self._states = ImportReport(), {}
        return report

    def distrust(self, format: str, sessions: Iterable[str]) -> None:
        """From now on the stream may repeat what was written to these sessions, their forks and sub-sessions.

        What is in them is therefore looked up for each piece.
        """
        self._doubtful.update((format, session) for session in sessions)
        self._forget_doubtful()

    def _forget_doubtful(self) -> None:
        for format, source in list(self._pending) if self._doubtful else ():
            if (format, source.partition("/")[0]) in self._doubtful:
                del self._pending[format, source]

    def _reset(self) -> None:
        self._pending.clear()
        self._written.clear()
        self._waiting = self._waiting_bytes = 0

    def _add(self, pending: Pending, draft: Draft) -> None:
        session, waiting = pending.target.session, self._waiting
        self._states.setdefault(session, "unchanged")
        super()._add(pending, draft)
        if self._waiting > waiting and self._states[session] == "unchanged":
            self._states[session] = "updated"
