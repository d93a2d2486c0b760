"""A running agent as a transport of messages: one JSON object on each line of its standard streams.

In place of the library's own process, which has no bounds, keeps nothing of what an agent complains about, and leaves
the agent's children running. Updates go to `on_update` in their order, and the agent waits while nobody takes them;
everything else goes to the library's connection.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import subprocess
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from app.agents.acp.limits import CLOSE_SECONDS, Limits
from app.agents.process import GRACE_SECONDS, MARKER, StreamsProtocol, end_family

_STDERR_BYTES = 8_192
_SAMPLE = 200
_TURNS = 50
"""So many messages are taken before others get their turn."""
_PATIENCE = 100
"""How often an agent that has ended, but whose streams are held open, is looked at again."""

OnUpdate = Callable[[Any], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class LastWords:
    """What is known of an agent that does not answer. fault: what it did wrong; ended: how it ended, None: it runs.

    complaint: the end of its standard error; garbage: a line that was no message.
    """

    fault: str = ""
    ended: int | None = None
    complaint: str = ""
    garbage: str = ""


class AgentProcess:
    """A started agent; has what `acp.connection.Connection` wants of a transport. End it."""

    def __init__(self, limits: Limits, on_update: OnUpdate) -> None:
        self._limits = limits
        self._on_update = on_update
        self._marker = secrets.token_hex(16)
        self._process: asyncio.SubprocessTransport | None = None
        self._protocol: StreamsProtocol
        self._tasks: list[asyncio.Task[None]] = []
        self._fault = self._garbage = ""
        self._garbage_lines = self._taken = 0
        self._complaint = bytearray()
        self._open_requests: set[int | str] = set()
        self._ending: asyncio.Task[None] | None = None
        self._is_idle = False

    async def start(self, argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
        """Raises OSError."""
        loop = asyncio.get_running_loop()
        spawning = asyncio.ensure_future(
            loop.subprocess_exec(
                lambda: StreamsProtocol(limit=self._limits.message, loop=loop),
                *argv,
                cwd=cwd,
                env={**env, MARKER: self._marker},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        )
        try:
            self._process, self._protocol = await asyncio.shield(spawning)
        except asyncio.CancelledError:
            await asyncio.wait([spawning])
            if spawning.exception() is None:
                self._process, self._protocol = spawning.result()
                await self.end()
            raise
        self._begin(self._listen())
        self._begin(self._notice_end())

    @property
    def pid(self) -> int:
        """Of the started process, which leads its group."""
        assert self._process is not None
        return self._process.get_pid()

    def last_words(self) -> LastWords:
        """What is known of it so far."""
        code = None if self._process is None else self._process.get_returncode()
        return LastWords(self._fault, code, self._complaint.decode("utf-8", "replace"), self._garbage)

    async def end(self) -> None:
        """Leave nothing of the agent running."""
        if self._ending is None:
            self._ending = asyncio.ensure_future(self._end())
        await asyncio.shield(self._ending)

    # what the library's connection calls

    async def send(self, message: dict[str, Any]) -> None:
        """Write a message; one to an agent that is gone is lost."""
        if "method" not in message:
            self._open_requests.discard(message.get("id", ""))
        stdin = self._protocol.stdin
        assert stdin is not None
        try:
            stdin.write(
                json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
            )
            await stdin.drain()
        except (ConnectionError, RuntimeError):
            return

    async def receive(self) -> dict[str, Any] | None:
        """The next message that is no update; None at the end."""
        while (line := await self._line()) is not None:
            self._taken += 1
            if self._taken % _TURNS == 0:
                await asyncio.sleep(0)
            message = read_message(line)
            if message is None:
                self._pass_over(line)
            elif message.get("method") == "session/update":
                await self._on_update(message.get("params"))
            elif "method" not in message or "id" not in message or await self._admit(message):
                return message
        return None

    async def close(self) -> None:
        """The library's word for the end."""
        await self.end()

    async def _admit(self, request: dict[str, Any]) -> bool:
        identifier = request["id"]
        if len(self._open_requests) < self._limits.requests and identifier not in self._open_requests:
            self._open_requests.add(identifier)
            return True
        refusal = {"code": -32600, "message": "Too many requests at once, or one under an id that is in use."}
        # Not awaited: an agent that does not read its answers must not stop the reading of what it says.
        stdin = self._protocol.stdin
        if stdin is not None and stdin.transport.get_write_buffer_size() < self._limits.message:
            stdin.write(json.dumps({"jsonrpc": "2.0", "id": identifier, "error": refusal}).encode() + b"\n")
        return False

    # what comes

    async def _line(self) -> bytes | None:
        stream = self._protocol.stdout
        assert stream is not None
        if self._fault:
            return None
        self._is_idle = True
        try:
            return await stream.readuntil(b"\n")
        except asyncio.IncompleteReadError as end:
            return end.partial or None
        except asyncio.LimitOverrunError:
            self._fault = f"It sent a message of more than {self._limits.message >> 20} MB."
            return None
        finally:
            self._is_idle = False

    def _pass_over(self, line: bytes) -> None:
        if not line.strip():
            return
        self._garbage = self._garbage or line[:_SAMPLE].decode("utf-8", "replace").strip()
        self._garbage_lines += 1
        if self._garbage_lines > self._limits.garbage_lines:
            self._fault = "It prints something else than messages."

    async def _listen(self) -> None:
        stream = self._protocol.stderr
        assert stream is not None
        while data := await stream.read(_STDERR_BYTES):
            self._complaint += data
            del self._complaint[:-_STDERR_BYTES]

    async def _notice_end(self) -> None:
        """A child that holds the streams open must not make an agent that has ended look alive.

        What it had said before is read first.
        """
        await self._protocol.exited.wait()
        for _ in range(_PATIENCE):
            taken = self._taken
            await asyncio.sleep(GRACE_SECONDS)
            if self._is_idle and self._taken == taken:
                break
        assert self._process is not None
        pipe = self._process.get_pipe_transport(1)
        if pipe is not None:
            pipe.close()

    # the end

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(work))

    async def _end(self) -> None:
        if self._process is None:
            return
        if self._protocol.stdin is not None:
            self._protocol.stdin.close()
        try:
            await asyncio.wait_for(self._protocol.exited.wait(), CLOSE_SECONDS)
        except TimeoutError:
            pass
        await end_family(self._process.get_pid(), self._marker, self._protocol.exited)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._process.close()


def read_message(line: bytes) -> dict[str, Any] | None:
    """A line as a message that the library can take; None for anything else. Half of a surrogate pair becomes '?'."""
    try:
        message = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            value = json.loads(line.decode("utf-8", "replace"))
            message = msgspec.json.decode(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
        except (ValueError, msgspec.DecodeError, RecursionError):
            return None
    return message if isinstance(message, dict) and _is_sane(message) else None


def _is_sane(message: dict[str, Any]) -> bool:
    """Whether the fields that the library looks at have the types it counts on."""
    method, identifier = message.get("method"), message.get("id", 0)
    if isinstance(identifier, bool) or not isinstance(identifier, int | str):
        return False
    if "method" in message:
        return isinstance(method, str)
    error = message.get("error")
    return "id" in message and (error is None or isinstance(error, dict))
