"""`lovelace import --follow`: one report after another, until Ctrl+C (130) or SIGTERM (0)."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from app.importers.following.appender import Appender, KnowingSink
from app.importers.following.follower import Follower
from app.importers.following.watch import PlaceWatch
from app.importers.ingest import ImportOptions, ImportSink
from sync.errors import DamagedError, LockedError, NewerDatabaseError, StoreError

if TYPE_CHECKING:
    from app.cli.call import Call
    from app.cli.imports import Folders, Totals
    from app.importers.drafts import Item
    from app.sessions.operations import SessionOperations
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


class Following:
    """One call of `import --follow`. folders: gives the workspaces of source folders (`--by-folder`), or None.

    report: prints the totals of a round.
    """

    def __init__(
        self,
        call: Call,
        workspace: Workspace,
        places: list[Path],
        format: str | None,
        folders: Callable[[SessionOperations], Folders] | None,
        report: Callable[[Call, Totals], None],
    ) -> None:
        self._call = call
        self._workspace = workspace
        self._folders = folders
        self._report = report
        self._appender: Appender | None = None
        self._follower = Follower(places, write=self._write, again=self._distrust, tell=call.out.remark, format=format)
        self._watch = PlaceWatch(places)
        self._signal: int | None = None
        self._stopping = False
        self._wrote = False
        self._written = 0
        self._advance: Callable[[int], None] = lambda _: None
        self._trouble: str | None = None

    def run(self, first: Totals) -> None:
        """Follows until a signal comes. first: what the first report begins with. KeyboardInterrupt after Ctrl+C."""
        with self._watch as watch, self._signals():
            try:
                watch.refresh()
                with self._call.out.progress("Importing") as self._advance:
                    self._follower.look(now=time.monotonic())
                self._tell(first)
                self._go_on(watch)
            except _Stopped:
                pass
            self._stopping = True
            self._follower.finish()
            self._tell()
        if self._signal == signal.SIGINT:
            raise KeyboardInterrupt

    def _go_on(self, watch: PlaceWatch) -> None:
        searched, took = time.monotonic(), 0.0
        while self._signal is None:
            now = time.monotonic()
            due = self._follower.due_in(now)
            watch.wait(POLL_S if due is None else min(POLL_S, due))
            if self._signal is not None:
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
        """Writes a piece, and tries again as long as the store refuses it. Raises `_Stopped` once a signal came."""
        while not self._try_to_write(format, piece):
            self._pause()
        if self._signal is not None and not self._stopping:
            raise _Stopped

    def _try_to_write(self, format: str, piece: Sequence[Item]) -> bool:
        try:
            self._workspace.write(lambda operations: self._writer(operations).write(format, piece))
        except (DamagedError, LockedError, NewerDatabaseError):
            raise
        except StoreError as error:
            if self._signal is not None:
                raise  # nothing will be better before we leave
            if self._trouble != str(error):
                self._trouble = str(error)
                self._call.out.remark(f"{error} Following goes on as soon as that is possible.")
            return False
        self._wrote = True
        self._written += len(piece)
        self._advance(self._written)
        if self._trouble is not None:
            self._trouble = None
            self._call.out.remark("The sessions can be written again.")
        return True

    def _pause(self) -> None:
        for _ in range(round(RETRY_S / _STEP_S)):
            if self._signal is None:
                time.sleep(_STEP_S)

    def _writer(self, operations: SessionOperations) -> Appender:
        """The one appender; used on the writing thread only."""
        if self._appender is None:
            options = ImportOptions()
            if self._folders is not None:
                folders, sinks = self._folders(operations), dict[str, ImportSink]()
                options = ImportOptions(
                    sink_for=lambda folder: sinks.setdefault(folder, KnowingSink(folders.sink(folder)))
                )
            self._appender = Appender(KnowingSink(operations), options)
        return self._appender

    def _distrust(self, format: str, sessions: Sequence[str]) -> None:
        self._workspace.write(lambda operations: self._writer(operations).distrust(format, sessions))

    def _tell(self, totals: Totals | None = None) -> None:
        """Prints what came since the last report; nothing where nothing did, except at the beginning."""
        from app.cli.imports import Totals

        sources = self._follower.take_sources()
        if totals is None and not sources and not self._wrote:
            return
        self._wrote = False
        report = self._workspace.write(lambda operations: self._writer(operations).report(sources))
        shown = totals or Totals()
        shown.add_import(report)
        if totals is not None or sources or report.sessions or report.skipped:
            self._report(self._call, shown)
            self._call.out.flush()

    # signals

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Ctrl+C and SIGTERM end following after what is being written; a second Ctrl+C ends it at once."""

        def handle(number: int, _frame: FrameType | None) -> None:
            if self._signal is not None and number == signal.SIGINT:
                raise KeyboardInterrupt
            self._signal = self._signal or number
            self._watch.wake()

        before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
