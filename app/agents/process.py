"""Runs one command: output streamed and bounded, time bounded, and nothing of it left running afterwards.

The command gets its own session (so its process group can be killed, and it has no terminal to wait for) and
an empty stdin. Children that left the group are found by a marker in their environment (Linux, best effort:
under the sandbox the process namespace ends them anyway).
"""

from __future__ import annotations

import asyncio
import codecs
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.errors import UserError

Stream = Literal["stdout", "stderr"]
OnOutput = Callable[[Stream, str], None]
Ending = Literal["ended", "timeout", "flood", "stopped"]

KEPT_BYTES = 512 * 1024
"""Of each stream the first and the last part of this size are kept."""
FLOOD_BYTES = 256 * 1024 * 1024
"""A command that prints more than this is ended."""
EXCERPT_BYTES, EXCERPT_SECONDS = 8 * 1024, 0.1
"""What is told of a stream beyond the first `KEPT_BYTES`: the end of what came in each such time."""
GRACE_SECONDS = 0.3
"""Between asking a command to end and ending it; also how long its children may hold the output open."""
_ROUNDS, _ROUND_SECONDS = 60, 0.005
"""How often to look for processes that are still there, at most."""
MARKER = "LOVELACE_COMMAND"
"""The variable that carries a command's marker, by which children that left its group are found."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended. Exactly one of exit_code and signal is set."""

    exit_code: int | None
    signal: str | None
    stdout: str
    stderr: str
    duration_ms: int
    truncated: bool
    ending: Ending


class StreamsProtocol(asyncio.subprocess.SubprocessStreamProtocol):
    """Streams of a process, and a notice of its end. (`Process.wait` would wait for whoever holds its pipes.)"""

    def __init__(self, limit: int, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit=limit, loop=loop)
        self.exited = asyncio.Event()

    def process_exited(self) -> None:
        """See `asyncio.SubprocessProtocol`."""
        self.exited.set()
        super().process_exited()


class BoundedOutput:
    """Keeps the first and the last part of a stream of bytes, in memory of at most about twice `part`
    bytes."""

    def __init__(self, part: int = KEPT_BYTES) -> None:
        self._part = part
        self._head = bytearray()
        self._tail = bytearray()
        self.total = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        self.total += len(data)
        room = self._part - len(self._head)
        self._head += data[:room]
        self._tail += data[room:]
        if len(self._tail) > 2 * self._part:
            del self._tail[: -self._part]

    @property
    def truncated(self) -> bool:
        """Whether something was left out."""
        return self.total > 2 * self._part

    def text(self) -> str:
        """What was kept; a line in between says how much is missing."""
        tail = self._tail[-self._part :]
        missing = self.total - len(self._head) - len(tail)
        if not missing:
            return (self._head + tail).decode("utf-8", "replace")
        gap = f"\n… {missing} bytes left out …\n"
        return self._head.decode("utf-8", "replace") + gap + tail.decode("utf-8", "replace")


def find_program(command: str, path: str | None) -> str | None:
    """The full path of a program that a command line names; path: as PATH has it."""
    return shutil.which(os.path.expanduser(command), path=path)


async def run_process(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout: float | None,
    on_output: OnOutput | None = None,
    stop: asyncio.Event | None = None,
    merged: bool = False,
) -> Finished:
    """Run a program to its end, its time-out (seconds, None for ever), `stop` or the cancellation of the caller.

    merged: both streams are stdout, in the order in which they were written.
    Raises UserError when the program cannot be started at all.
    """
    marker = secrets.token_hex(16)
    started = time.monotonic()
    watch = _Watch(on_output, merged=merged)
    spawning = asyncio.ensure_future(
        asyncio.get_running_loop().subprocess_exec(
            lambda: watch,
            *argv,
            cwd=cwd,
            env={**env, MARKER: marker},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merged else subprocess.PIPE,
            start_new_session=True,
        )
    )
    try:
        # asyncio, cancelled while it starts a program, would end that one process and leave its children.
        transport, _ = await asyncio.shield(spawning)
        ending = await watch.wait(timeout, stop)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it holds a forbidden character"
        raise UserError(f"The command cannot be started: {reason}.") from error
    finally:
        await asyncio.shield(asyncio.ensure_future(_end(spawning, marker, watch)))
        watch.tell_rest()
    return watch.finished(transport.get_returncode(), ending, round((time.monotonic() - started) * 1000))


class _Watch(asyncio.SubprocessProtocol):
    """Takes what a process prints and notices its end. (`Process.wait` would wait for whoever holds its pipes.)"""

    def __init__(self, on_output: OnOutput | None, *, merged: bool) -> None:
        self._kept: dict[Stream, BoundedOutput] = {"stdout": BoundedOutput(), "stderr": BoundedOutput()}
        self._telling = None if on_output is None else {name: _Telling(name, on_output) for name in self._kept}
        self._open_pipes = {1} if merged else {1, 2}
        self._flooded = False
        self.exited = asyncio.Event()
        self.silent = asyncio.Event()
        self._turned = asyncio.Event()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        stream: Stream = "stdout" if fd == 1 else "stderr"
        kept = self._kept[stream]
        kept.feed(data)
        if self._telling is not None:
            self._telling[stream].feed(data, whole=kept.total <= KEPT_BYTES)
        if kept.total > FLOOD_BYTES:
            self._flooded = True
            self._turned.set()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        self._open_pipes.discard(fd)
        if not self._open_pipes:
            self.silent.set()

    def process_exited(self) -> None:
        self.exited.set()
        self._turned.set()

    def tell_rest(self) -> None:
        """Nothing more comes."""
        for telling in (self._telling or {}).values():
            telling.end()

    async def wait(self, timeout: float | None, stop: asyncio.Event | None = None) -> Ending:
        """Until the process ends by itself, prints too much, its time is over or it is told to stop."""
        stopping = None if stop is None else asyncio.ensure_future(self._turn_when(stop))
        try:
            if not await _within(timeout, self._turned):
                return "timeout"
        finally:
            if stopping is not None:
                stopping.cancel()
        if self._flooded:
            return "flood"
        if stop is not None and stop.is_set() and not self.exited.is_set():
            return "stopped"
        await _within(GRACE_SECONDS, self.silent)
        return "ended"

    async def _turn_when(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._turned.set()

    def finished(self, code: int | None, ending: Ending, duration_ms: int) -> Finished:
        """All that is known after the end."""
        died = code is not None and code < 0
        out, err = self._kept["stdout"], self._kept["stderr"]
        return Finished(
            exit_code=None if died else code,
            signal=_signal_name(-code) if died and code is not None else None,
            stdout=out.text(),
            stderr=err.text(),
            duration_ms=duration_ms,
            truncated=out.truncated or err.truncated,
            ending=ending,
        )


class _Telling:
    """Tells what one stream prints: all of it at first, later excerpts, so that a flood stays small for who listens."""

    def __init__(self, stream: Stream, on_output: OnOutput) -> None:
        self._stream: Stream = stream
        self._on_output = on_output
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._waiting = bytearray()
        self._left_out = 0
        self._timer: asyncio.TimerHandle | None = None

    def feed(self, data: bytes, *, whole: bool) -> None:
        """The next bytes; whole: nothing is to be left out yet."""
        if whole:
            self._tell(self._decoder.decode(data))
            return
        self._waiting += data
        if len(self._waiting) > EXCERPT_BYTES:
            self._left_out += len(self._waiting) - EXCERPT_BYTES
            del self._waiting[:-EXCERPT_BYTES]
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(EXCERPT_SECONDS, self._tell_waiting)

    def end(self) -> None:
        """Tell what is still waiting."""
        if self._timer is not None:
            self._timer.cancel()
        self._tell_waiting()
        self._tell(self._decoder.decode(b"", final=True))

    def _tell_waiting(self) -> None:
        self._timer = None
        gap = ""
        if self._left_out:
            gap = f"\n… {self._left_out} bytes left out …\n"
            self._left_out = 0
            self._decoder.reset()
        text = self._decoder.decode(bytes(self._waiting))
        self._waiting.clear()
        self._tell(gap + text)

    def _tell(self, text: str) -> None:
        if text:
            self._on_output(self._stream, text)


async def _end(spawning: asyncio.Task[tuple[asyncio.SubprocessTransport, _Watch]], marker: str, watch: _Watch) -> None:
    """Leave nothing of the command running."""
    await asyncio.wait([spawning])
    if spawning.exception() is not None:
        return
    transport, _ = spawning.result()
    await end_family(transport.get_pid(), marker, watch.exited)
    await _within(GRACE_SECONDS, watch.silent)
    transport.close()


async def end_family(group: int, marker: str, exited: asyncio.Event) -> None:
    """Leave nothing of a process group running. exited: is set when its leader has ended.

    The group is asked, then killed, then those who left the group and carry the marker; all are awaited: a killed
    process lives on for a moment, and loses its environment before it is gone.
    """
    family = _marked(marker)
    if not exited.is_set() and _signal_group(group, signal.SIGTERM):
        await _within(GRACE_SECONDS, exited)
    _signal_group(group, signal.SIGKILL)
    for _ in range(_ROUNDS):
        stayed = _marked(marker)
        for pid in stayed:
            _kill(pid)
        family |= stayed
        if not any(map(_running, family)):
            break
        await asyncio.sleep(_ROUND_SECONDS)
    await exited.wait()


async def _within(seconds: float | None, event: asyncio.Event) -> bool:
    """Wait for an event; whether it came in time."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True


def _signal_group(group: int, number: signal.Signals) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _marked(marker: str) -> set[int]:
    """The processes that carry the marker."""
    if not sys.platform.startswith("linux"):
        return set()
    wanted = f"{MARKER}={marker}".encode()
    return {
        int(entry.name)
        for entry in os.scandir("/proc")
        if entry.name.isdigit() and wanted in _process_file(int(entry.name), "environ")
    }


def _running(pid: int) -> bool:
    """Whether a process (Linux) is still there and not only waiting to be collected by its parent."""
    state = _process_file(pid, "stat").rpartition(b")")[2].split()[:1]
    return state not in ([], [b"Z"], [b"X"])


def _process_file(pid: int, name: str) -> bytes:
    try:
        return Path("/proc", str(pid), name).read_bytes()
    except OSError:
        return b""


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
