"""The only crossing between the asyncio loop and Qt.

Sessions, agents and the network live on one asyncio loop in a thread of its own; widgets live in Qt's main thread.
`Bridge.call` sends a coroutine over and brings its result back; `Bridge.publish` brings over what happens on the
loop side, in batches of 16 ms: thousands of small signals stall a window, a few batches do not. Values published
under one key within a batch are combined: the last wins for snapshots, output is concatenated and never dropped.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Hashable
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from shiboken6 import isValid

if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import Future

BATCH_MS = 16
STOP_SECONDS = 10.0

T = TypeVar("T")
Combine = Callable[[Any, Any], Any]


def last_wins(_old: Any, new: Any) -> Any:
    """How snapshots of a state combine."""
    return new


def concatenate(old: Any, new: Any) -> Any:
    """How pieces of output combine."""
    return old + new


def union(old: Any, new: Any) -> Any:
    """How sets of things that changed combine."""
    return old | new


def while_alive(owner: QObject, then: Callable[[T], object]) -> Callable[[T], None]:
    """`then`, unless its owner is gone by then: a tab may be closed while what it asked for is on the way."""

    def take(value: T) -> None:
        if isValid(owner):
            then(value)

    return take


class Bridge(QObject):
    """One asyncio loop on its own thread, which begins with the first call: a window is painted before it.

    Made, used and stopped on the Qt main thread. failed: an exception of a call without its own handler, or of a task
    nobody awaits.
    """

    failed = Signal(object)
    _returned = Signal(object, object)
    _published = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lock = threading.Lock()
        self._batch: dict[Hashable, Any] = {}
        self._receivers: dict[Hashable, Callable[[Any], None]] = {}
        self._stopped = False
        self._timer = QTimer(self, singleShot=True, interval=BATCH_MS)
        self._timer.timeout.connect(self._deliver)
        self._returned.connect(self._finish, Qt.ConnectionType.QueuedConnection)
        self._published.connect(self._start_batch, Qt.ConnectionType.QueuedConnection)
        self._thread: threading.Thread | None = None

    @cached_property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop; it runs from now on."""
        import asyncio

        loop = asyncio.new_event_loop()
        loop.set_exception_handler(self._report)
        self._thread = threading.Thread(target=self._run, args=(loop,), name="lovelace-loop", daemon=True)
        self._thread.start()
        return loop

    def call(
        self,
        coroutine: Coroutine[Any, Any, T],
        then: Callable[[T], object] | None = None,
        failed: Callable[[BaseException], object] | None = None,
    ) -> Future[T]:
        """Run a coroutine on the loop; `then` gets its result and `failed` its exception, both on the main thread."""
        import asyncio
        from concurrent.futures import Future

        if self._stopped:
            coroutine.close()
            abandoned: Future[T] = Future()
            abandoned.cancel()
            return abandoned
        future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)

        def done(completed: Future[T]) -> None:
            if completed.cancelled() or self._stopped:
                return
            error = completed.exception()
            if error is not None:
                self._returned.emit(failed or self.failed.emit, error)
            elif then is not None:
                self._returned.emit(then, completed.result())

        future.add_done_callback(done)
        return future

    def compute(
        self,
        function: Callable[[], T],
        then: Callable[[T], object],
        failed: Callable[[BaseException], object] | None = None,
    ) -> Future[T]:
        """Run a pure function in a worker thread."""
        import asyncio

        return self.call(asyncio.to_thread(function), then, failed)

    def receive(self, key: Hashable, receiver: Callable[[Any], None] | None) -> None:
        """Name who gets what is published under `key`; None: nobody any more."""
        if receiver is None:
            self._receivers.pop(key, None)
        else:
            self._receivers[key] = receiver

    def publish(self, key: Hashable, value: Any, combine: Combine = last_wins) -> None:
        """Hand a value to the main thread, from any thread. `combine(old, new)` joins it with a waiting one."""
        with self._lock:
            first = not self._batch
            self._batch[key] = combine(self._batch[key], value) if key in self._batch else value
        if first and not self._stopped:
            self._published.emit()

    @property
    def is_stopped(self) -> bool:
        """Whether work beside the window should end; may be asked from any thread."""
        return self._stopped

    def stop(self) -> None:
        """Cancel what runs, end the loop and its thread. Nothing is delivered afterwards."""
        if self._stopped:
            return
        self._stopped = True
        self._timer.stop()
        self._receivers.clear()
        if self._thread is not None:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(STOP_SECONDS)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        import asyncio

        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        finally:
            tasks = asyncio.all_tasks(loop)
            for task in tasks:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    def _report(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not self._stopped:
            self._returned.emit(self.failed.emit, context.get("exception") or RuntimeError(context["message"]))

    def _finish(self, callback: Callable[[Any], None], value: Any) -> None:
        if not self._stopped:
            callback(value)

    def _start_batch(self) -> None:
        if not self._timer.isActive() and not self._stopped:
            self._timer.start()

    def _deliver(self) -> None:
        with self._lock:
            batch, self._batch = self._batch, {}
        for key, value in batch.items():
            receiver = self._receivers.get(key)
            if receiver is not None:
                receiver(value)
