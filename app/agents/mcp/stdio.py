"""The transport to a server that is a program: messages are lines of its standard streams.

In place of the library's own, which lets a server send lines of any length, keeps nothing of what it complains about,
and takes four seconds to end one that does not want to.
"""

from __future__ import annotations

import asyncio
import secrets
import subprocess
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCError, JSONRPCRequest, JSONRPCResponse, jsonrpc_message_adapter

from app.agents.mcp.launch import Launch
from app.agents.mcp.limits import CLOSE_SECONDS, Limits
from app.agents.process import GRACE_SECONDS, MARKER, StreamsProtocol, end_family
from app.errors import AgentError

_STDERR_BYTES = 4_096
_SAMPLE = 200

Incoming = MemoryObjectReceiveStream[SessionMessage | Exception]
Outgoing = MemoryObjectSendStream[SessionMessage]


@dataclass(frozen=True, slots=True)
class LastWords:
    """What is known of a server that does not answer. fault: what it did wrong; ended: how it ended, None: it runs.

    complaint: the end of its standard error; garbage: a line that was no message. status: of an address, what it
    answered last, 0: nothing.
    """

    fault: str = ""
    ended: int | None = None
    complaint: str = ""
    garbage: str = ""
    status: int = 0


class StdioTransport:
    """A running server. Use it as an asynchronous context manager; afterwards nothing of the server runs any more."""

    def __init__(self, launch: Launch, limits: Limits) -> None:
        self._launch = launch
        self._limits = limits
        self._marker = secrets.token_hex(16)
        self._process: asyncio.SubprocessTransport | None = None
        self._protocol: StreamsProtocol | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._fault = ""
        self._garbage = ""
        self._garbage_lines = 0
        self._complaint = bytearray()
        self._open_requests = 0
        self._pace = _Pace(limits.burst)
        self.is_silent = False
        """Whether nothing comes from it any more."""
        self._to_session: MemoryObjectSendStream[SessionMessage | Exception]
        self._from_session: MemoryObjectReceiveStream[SessionMessage]

    def last_words(self) -> LastWords:
        """What is known of it so far."""
        code = None if self._process is None else self._process.get_returncode()
        return LastWords(self._fault, code, self._complaint.decode("utf-8", "replace"), self._garbage)

    async def __aenter__(self) -> tuple[Incoming, Outgoing]:
        spawning = asyncio.ensure_future(self._spawn())
        try:
            await asyncio.shield(spawning)
        except OSError as error:
            raise AgentError(
                f"The MCP server '{self._launch.name}' cannot be started: {error.strerror or error}."
            ) from error
        except asyncio.CancelledError:
            await asyncio.wait([spawning])
            if spawning.exception() is None:
                await self._stop()
            raise
        self._to_session, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        outgoing, self._from_session = anyio.create_memory_object_stream[SessionMessage](float("inf"))
        for work in (self._read(), self._write(), self._listen(), self._notice_end()):
            self._begin(work)
        return incoming, outgoing

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await asyncio.shield(asyncio.ensure_future(self._stop()))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(work))

    async def _spawn(self) -> None:
        launch, loop = self._launch, asyncio.get_running_loop()
        self._process, self._protocol = await loop.subprocess_exec(
            lambda: StreamsProtocol(limit=self._limits.message, loop=loop),
            *launch.argv,
            cwd=launch.cwd,
            env={**launch.env, MARKER: self._marker},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    async def _stop(self) -> None:
        """Say that nobody listens any more, then leave nothing of the server running."""
        assert self._process is not None and self._protocol is not None
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

    # what comes and goes

    async def _read(self) -> None:
        assert self._protocol is not None and self._protocol.stdout is not None
        async with self._to_session:
            await self._read_lines(self._protocol.stdout)
        self.is_silent = True

    async def _read_lines(self, stream: asyncio.StreamReader) -> None:
        while not self._fault:
            try:
                line = await stream.readuntil(b"\n")
            except asyncio.IncompleteReadError as end:
                await self._take(end.partial)
                return
            except asyncio.LimitOverrunError:
                self._fault = f"It sent a message of more than {self._limits.message >> 20} MB."
                return
            await self._take(line)

    async def _take(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            message = jsonrpc_message_adapter.validate_json(line, by_name=False)
        except ValueError:
            self._pass_over(line)
            await self._pace.keep()
            return
        if isinstance(message, JSONRPCResponse | JSONRPCError) and self._open_requests:
            self._open_requests -= 1
        else:
            await self._pace.keep()
        try:
            await self._to_session.send(SessionMessage(message))
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass

    def _pass_over(self, line: bytes) -> None:
        self._garbage = self._garbage or line[:_SAMPLE].decode("utf-8", "replace").strip()
        self._garbage_lines += 1
        if self._garbage_lines > self._limits.garbage_lines:
            self._fault = "It prints something else than messages."

    async def _write(self) -> None:
        assert self._protocol is not None and self._protocol.stdin is not None
        async with self._from_session:
            async for outgoing in self._from_session:
                self._open_requests += isinstance(outgoing.message, JSONRPCRequest)
                line = outgoing.message.model_dump_json(by_alias=True, exclude_unset=True)
                try:
                    self._protocol.stdin.write(line.encode() + b"\n")
                    await self._protocol.stdin.drain()
                except (ConnectionError, RuntimeError):
                    return

    async def _listen(self) -> None:
        assert self._protocol is not None and self._protocol.stderr is not None
        while data := await self._protocol.stderr.read(_STDERR_BYTES):
            self._complaint += data
            del self._complaint[:-_STDERR_BYTES]

    async def _notice_end(self) -> None:
        """A child that holds the streams open must not make a server that has ended look alive."""
        assert self._protocol is not None
        await self._protocol.exited.wait()
        await asyncio.sleep(GRACE_SECONDS)
        await self._to_session.aclose()
        self.is_silent = True


class _Pace:
    """Takes a flood at a bounded rate, so that other work goes on; the server waits meanwhile."""

    def __init__(self, burst: int) -> None:
        self._burst = burst
        self._count = 0
        self._since = time.monotonic()

    async def keep(self) -> None:
        """Another message that nobody asked for."""
        self._count += 1
        if self._count >= self._burst:
            took = time.monotonic() - self._since
            await asyncio.sleep(max(0.0, 1.0 - took))
            self._count, self._since = 0, time.monotonic()
