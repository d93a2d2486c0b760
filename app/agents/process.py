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
Ending = Literal["ended", "timeout", "flood"]

KEPT_BYTES = 512 * 1024
"""Of each stream the first and the last part of this size are kept."""
FLOOD_BYTES = 256 * 1024 * 1024
"""A command that prints more than this is ended."""
GRACE_SECONDS = 0.3
"""Between asking a command to end and ending it; also how long its children may hold the output open."""
_ROUNDS, _ROUND_SECONDS = 60, 0.005
"""How often to look for processes that are still there, at most."""
_MARKER = "LOVELACE_COMMAND"


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


async def run_process(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout: float,
    on_output: OnOutput | None = None,
) -> Finished:
    """Run a program to its end, its time-out (seconds) or the cancellation of the caller.

    Raises UserError when the program cannot be started at all.
    """
    marker = secrets.token_hex(16)
    started = time.monotonic()
    watch = _Watch(on_output)
    spawning = asyncio.ensure_future(
        asyncio.get_running_loop().subprocess_exec(
            lambda: watch,
            *argv,
            cwd=cwd,
            env={**env, _MARKER: marker},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    )
    try:
        # asyncio, cancelled while it starts a program, would end that one process and leave its children.
        transport, _ = await asyncio.shield(spawning)
        ending = await watch.wait(timeout)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it holds a forbidden character"
        raise UserError(f"The command cannot be started: {reason}.") from error
    finally:
        await asyncio.shield(asyncio.ensure_future(_end(spawning, marker, watch)))
    return watch.finished(transport.get_returncode(), ending, round((time.monotonic() - started) * 1000))


class _Watch(asyncio.SubprocessProtocol):
    """Takes what a process prints and notices its end. (`Process.wait` would wait for whoever holds its pipes.)"""

    def __init__(self, on_output: OnOutput | None) -> None:
        self._on_output = on_output
        self._kept: dict[Stream, BoundedOutput] = {"stdout": BoundedOutput(), "stderr": BoundedOutput()}
        decoder = codecs.getincrementaldecoder("utf-8")
        self._decoders = {"stdout": decoder("replace"), "stderr": decoder("replace")}
        self._open_pipes = {1, 2}
        self._flooded = False
        self.exited = asyncio.Event()
        self.silent = asyncio.Event()
        self._turned = asyncio.Event()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        stream: Stream = "stdout" if fd == 1 else "stderr"
        kept = self._kept[stream]
        kept.feed(data)
        if self._on_output is not None and kept.total <= KEPT_BYTES:
            self._on_output(stream, self._decoders[stream].decode(data))
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

    async def wait(self, timeout: float) -> Ending:
        """Until the process ends by itself, prints too much or its time is over."""
        if not await _within(timeout, self._turned):
            return "timeout"
        if self._flooded:
            return "flood"
        await _within(GRACE_SECONDS, self.silent)
        return "ended"

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


async def _end(spawning: asyncio.Task[tuple[asyncio.SubprocessTransport, _Watch]], marker: str, watch: _Watch) -> None:
    """Leave nothing of the command running.

    Its group is asked, then killed, then those who left the group; all are awaited: a killed process lives on for
    a moment, and loses its environment before it is gone.
    """
    await asyncio.wait([spawning])
    if spawning.exception() is not None:
        return
    transport, _ = spawning.result()
    group = transport.get_pid()
    family = _marked(marker)
    if not watch.exited.is_set() and _signal_group(group, signal.SIGTERM):
        await _within(GRACE_SECONDS, watch.exited)
    _signal_group(group, signal.SIGKILL)
    for _ in range(_ROUNDS):
        stayed = _marked(marker)
        for pid in stayed:
            _kill(pid)
        family |= stayed
        if not any(map(_running, family)):
            break
        await asyncio.sleep(_ROUND_SECONDS)
    await watch.exited.wait()
    await _within(GRACE_SECONDS, watch.silent)
    transport.close()


async def _within(seconds: float, event: asyncio.Event) -> bool:
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
    wanted = f"{_MARKER}={marker}".encode()
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
