"""Keeping up with transcripts that other tools write: one report after another, until it is stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.commands.importing import Folders, StoreSink, Totals
from app.importers.following.appender import Appender, KnowingSink
from app.importers.following.follower import Follower, remembered_types
from app.importers.following.memory import Memory
from app.importers.following.watch import PlaceWatch
from app.importers.ingest import ImportOptions, ImportSink
from sync.errors import DamagedError, LockedError, NewerDatabaseError, StoreError

if TYPE_CHECKING:
    from app.importers.drafts import Item
    from app.workspace import Workspace

POLL_S = 1.0
"""Between looks at what changed lately, in case the system tells nothing."""
SEARCH_S = 60.0
"""Between looks everywhere, where the system says that it tells everything."""
GATHER_S = 0.02
RETRY_S = 1.0
_STEP_S = 0.1
_SEARCH_SHARE = 20
"""Without notifications, one part of so many of the time goes into looking everywhere."""


class _Stopped(Exception):
    """Following was ended in the middle of a long reading; what was read is written."""


class _Settings:
    """The local settings; what cannot be written just now is only read again later."""

    def __init__(self, workspace: Workspace) -> None:
        self._settings = workspace.settings

    def get(self, name: str, default: Any = None) -> Any:
        return self._settings.get(name, default)

    def set(self, name: str, value: Any) -> None:
        with suppress(StoreError):
            self._settings.set(name, value)


Progress = Callable[[str], AbstractContextManager[Callable[[int], None]]]
"""Shows under a title how many pieces there are, for as long as the context lasts."""


class Following:
    """One time of following. by_folder: one workspace per source folder. tell: gets sentences about troubles.

    report: gets the totals of a round. progress: shows how far the first round is.
    """

    def __init__(
        self,
        workspace: Workspace,
        places: list[Path],
        format: str | None = None,
        *,
        by_folder: bool = False,
        tell: Callable[[str], None],
        report: Callable[[Totals], None],
        progress: Progress = lambda _title: nullcontext(lambda _done: None),
    ) -> None:
        self._sink = StoreSink(workspace)
        self._tell_trouble = tell
        self._report = report
        self._progress = progress
        self._appender = self._make_appender(Folders(workspace) if by_folder else None)
        # What was read into other workspaces is still to be told to this one.
        scope = f"{workspace.id}/by-folder" if by_folder else workspace.id
        self._follower = Follower(
            places,
            write=self._write,
            again=self._appender.distrust,
            tell=tell,
            format=format,
            memory=Memory(_Settings(workspace), scope, remembered_types()),
        )
        self._watch = PlaceWatch(places)
        self._stopped = False
        self._finishing = False
        self._wrote = False
        self._written = 0
        self._advance: Callable[[int], None] = lambda _: None
        self._trouble: str | None = None

    def _make_appender(self, folders: Folders | None) -> Appender:
        options = ImportOptions()
        if folders is not None:
            sinks = dict[str, ImportSink]()
            options = ImportOptions(sink_for=lambda folder: sinks.setdefault(folder, KnowingSink(folders.sink(folder))))
        return Appender(KnowingSink(self._sink), options)

    def stop(self) -> None:
        """End following after what is being written; may be called by a signal handler or another thread."""
        self._stopped = True
        self._watch.wake()

    def run(self, first: Totals | None = None) -> None:
        """Follows until `stop`. first: what the first report begins with."""
        with self._watch as watch:
            try:
                watch.refresh()
                with self._progress("Importing") as self._advance:
                    self._follower.look(now=time.monotonic())
                self._tell(first or Totals())
                self._go_on(watch)
            except _Stopped:
                pass
            self._finishing = True
            self._follower.finish()
            self._tell()

    def _go_on(self, watch: PlaceWatch) -> None:
        searched, took = time.monotonic(), 0.0
        while not self._stopped:
            now = time.monotonic()
            due = self._follower.due_in(now)
            watch.wait(POLL_S if due is None else min(POLL_S, due))
            if self._stopped:
                return
            time.sleep(GATHER_S)
            noticed = watch.take()
            now = time.monotonic()
            interval = SEARCH_S if watch.is_complete else max(POLL_S / 2, _SEARCH_SHARE * took)
            if watch.refresh() or noticed.everywhere or now - searched >= interval:
                self._follower.look(now=now)
                searched, took = now, time.monotonic() - now
            elif noticed:
                self._follower.look(noticed.paths, now=now)
            else:
                self._follower.look_at_hot(now=now)
            self._follower.settle(now=now)
            self._tell()

    # writing

    def _write(self, format: str, piece: Sequence[Item]) -> None:
        """Writes a piece, and tries again as long as the store refuses it. Raises `_Stopped` once it is to end."""
        while not self._try_to_write(format, piece):
            self._pause()
        if self._stopped and not self._finishing:
            raise _Stopped

    def _try_to_write(self, format: str, piece: Sequence[Item]) -> bool:
        try:
            self._appender.write(format, piece)
        except (DamagedError, LockedError, NewerDatabaseError):
            raise
        except StoreError as error:
            if self._stopped:
                raise  # nothing will be better before we leave
            if self._trouble != str(error):
                self._trouble = str(error)
                self._tell_trouble(f"{error} Following goes on as soon as that is possible.")
            return False
        self._wrote = True
        self._written += len(piece)
        self._advance(self._written)
        if self._trouble is not None:
            self._trouble = None
            self._tell_trouble("The sessions can be written again.")
        return True

    def _pause(self) -> None:
        for _ in range(round(RETRY_S / _STEP_S)):
            if not self._stopped:
                time.sleep(_STEP_S)

    def _tell(self, totals: Totals | None = None) -> None:
        """Prints what came since the last report; nothing where nothing did, except at the beginning."""
        sources = self._follower.take_sources()
        if totals is None and not sources and not self._wrote:
            return
        self._wrote = False
        report = self._appender.report(sources)
        shown = totals or Totals()
        shown.add_import(report)
        if totals is not None or sources or report.sessions or report.skipped:
            self._report(shown)
