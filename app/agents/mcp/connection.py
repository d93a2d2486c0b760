"""One connection to a server: what it offers, calls with time-outs and progress, and an end that leaves nothing.

The library wants its client entered and left by one task; the connection has that task of its own, so that calls may
come from any.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from app.agents.mcp.clock import Clocks
from app.agents.mcp.consent import Consent, Refusing
from app.agents.mcp.explaining import ServerError, explain, timed_out
from app.agents.mcp.launch import Address, Launch
from app.agents.mcp.limits import Limits
from app.agents.mcp.results import Answer, PromptInfo, ResourceInfo, ServerInfo, ToolInfo
from app.agents.mcp.stdio import LastWords, StdioTransport

if TYPE_CHECKING:
    from mcp import Client

T = TypeVar("T")
Progress = Callable[[float, float | None, str], None]
"""Told how much is done, of how much (None: nobody knows), and what the server says about it."""
PROGRESS_SECONDS = 0.05
"""Progress is told at most this often."""
_CLOSING_SECONDS = 1.0


class Connection:
    """An open connection, made by `connect`. Close it."""

    def __init__(
        self, target: Launch | Address, *, consent: Consent | None = None, limits: Limits, roots: Sequence[Path] = ()
    ) -> None:
        self.target = target
        self._asking: list[Consent] = [] if consent is None else [consent]
        self._limits = limits
        self._roots = roots if isinstance(target, Launch) else ()
        self._clocks = Clocks()
        self._stdio = StdioTransport(target, limits) if isinstance(target, Launch) else None
        self._status = 0
        self._is_broken = False
        self._client: Client | None = None
        self._opened = asyncio.Event()
        self._closing = asyncio.Event()
        self._problem: BaseException | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """The server's name here."""
        return self.target.name

    @contextmanager
    def asking(self, consent: Consent) -> Iterator[None]:
        """Within: what the server asks is put to this one. A server does not say which call a question is about, so
        while several calls that ask differently run at once, its questions are declined.
        """
        self._asking.append(consent)
        try:
            yield
        finally:
            self._asking.remove(consent)

    def _consent(self) -> Consent:
        return self._asking[0] if len(self._asking) == 1 else Refusing()

    @property
    def is_open(self) -> bool:
        """Whether it can still be asked something."""
        return self._client is not None and not self._closing.is_set() and not self._is_lost()

    @property
    def info(self) -> ServerInfo:
        """The server as it presents itself."""
        from app.agents.mcp.reading import server_info

        return server_info(self._usable(), self.name)

    async def open(self) -> None:
        """Start or reach the server and greet it. Raises AgentError, at the latest after the limit."""
        self._task = asyncio.get_running_loop().create_task(self._hold())
        ended = asyncio.ensure_future(asyncio.wait([self._task]))
        opened = asyncio.ensure_future(self._opened.wait())
        try:
            await asyncio.wait([ended, opened], timeout=self._limits.connect, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self.close()
            raise
        finally:
            for waiting in (ended, opened):
                waiting.cancel()
        if self._client is not None:
            return
        problem, words, tired = self._problem, self._words(), not self._task.done()
        await self.close()
        if tired:
            raise timed_out(self.target, words, self._limits.connect, "connecting")
        raise explain(problem or ConnectionError(), self.target, words, "connecting")

    async def close(self) -> None:
        """End the connection and the server's program, within about a second."""
        self._closing.set()
        if self._task is None:
            return
        if not self._opened.is_set():
            self._task.cancel()
        done, _ = await asyncio.wait([self._task], timeout=_CLOSING_SECONDS)
        if not done:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _hold(self) -> None:
        """Have the client open until it is closed or lost."""
        _silence()
        try:
            async with self._make_client() as client:
                # A schema of the server's own could have a pattern that keeps this program busy for ever.
                client.session.validate_tool_result = _not_validated  # type: ignore[method-assign]
                self._client = client
                self._opened.set()
                await self._closing.wait()
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  whatever a foreign program causes
            self._problem = error
        finally:
            self._client = None

    def _make_client(self) -> Client:
        from mcp import Client

        from app.agents.mcp.asking import Asked
        from app.agents.mcp.web import web_transport

        asked = Asked(self.name, self._consent, self._clocks, self._roots)
        transport: Any = self._stdio
        if isinstance(self.target, Address):
            transport = web_transport(self.target, self._limits, self._take_status)
        return Client(
            transport,
            client_info=asked.client_info(),
            sampling_callback=asked.sample,
            elicitation_callback=asked.elicit,
            list_roots_callback=asked.list_roots if self._roots else None,
            cache=None,
        )

    # asking

    async def tools(self) -> list[ToolInfo]:
        """All tools. Raises AgentError or CallError."""
        from app.agents.mcp import reading

        return await self._list("tools", reading.tools_page)

    async def resources(self) -> list[ResourceInfo]:
        """All resources."""
        from app.agents.mcp import reading

        return await self._list("resources", reading.resources_page)

    async def prompts(self) -> list[PromptInfo]:
        """All prompts."""
        from app.agents.mcp import reading

        return await self._list("prompts", reading.prompts_page)

    async def call(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        *,
        on_progress: Progress | None = None,
        seconds: float | None = None,
    ) -> Answer:
        """Call a tool. Cancelling the caller cancels the call. seconds: in place of the limit."""
        from app.agents.mcp.reading import answer_of

        progress = None if on_progress is None else _Told(on_progress)

        async def ask(client: Client) -> Answer:
            return answer_of(await client.call_tool(tool, dict(arguments), progress_callback=progress))

        return await self._ask(ask, f"calling '{tool}'", seconds or self._limits.call)

    async def read(self, uri: str) -> Answer:
        """Read a resource."""
        from app.agents.mcp.reading import resource_answer

        async def ask(client: Client) -> Answer:
            return resource_answer(await client.read_resource(uri))

        return await self._ask(ask, f"reading '{uri}'", self._limits.call)

    async def prompt(self, name: str, arguments: Mapping[str, str]) -> Answer:
        """The messages of a prompt, as text."""
        from app.agents.mcp.reading import prompt_answer

        async def ask(client: Client) -> Answer:
            return prompt_answer(await client.get_prompt(name, dict(arguments)))

        return await self._ask(ask, f"getting the prompt '{name}'", self._limits.call)

    async def _list(
        self, what: str, page: Callable[[Client, str | None], Awaitable[tuple[list[T], str | None]]]
    ) -> list[T]:
        """All pages. A server that says it has none of these is not asked."""
        if what not in self.info.has:
            return []

        async def ask(client: Client) -> list[T]:
            found: list[T] = []
            cursor: str | None = None
            for _ in range(self._limits.pages):
                items, following = await page(client, cursor)
                found += items
                if following is None or following == cursor or len(found) > self._limits.items:
                    break
                cursor = following
            return found[: self._limits.items]

        return await self._ask(ask, f"listing its {what}", self._limits.listing)

    async def _ask(self, work: Callable[[Client], Awaitable[T]], doing: str, seconds: float) -> T:
        client = self._usable()
        try:
            async with self._clocks.within(seconds):
                return await work(client)
        except TimeoutError as error:
            raise timed_out(self.target, self._words(), seconds, doing) from error
        except Exception as error:
            explained = explain(error, self.target, await self._settled_words(), doing)
            self._is_broken |= isinstance(explained, ServerError)
            raise explained from error

    def _usable(self) -> Client:
        if self._client is None:
            raise ServerError(f"The connection to the MCP server '{self.name}' is closed.")
        return self._client

    def _words(self) -> LastWords:
        return LastWords(status=self._status) if self._stdio is None else self._stdio.last_words()

    def _take_status(self, status: int) -> None:
        self._status = status

    async def _settled_words(self) -> LastWords:
        """As `_words`; a program whose streams have just closed gets a moment to end, so that its end can be told."""
        for _ in range(20):
            words = self._words()
            if self._stdio is None or words.ended is not None or not self._is_lost():
                break
            await asyncio.sleep(0.01)
        return self._words()

    def _is_lost(self) -> bool:
        words = self._words()
        return (
            self._is_broken
            or bool(words.fault)
            or words.ended is not None
            or (self._stdio is not None and self._stdio.is_silent)
        )


async def connect(
    target: Launch | Address,
    *,
    consent: Consent | None = None,
    limits: Limits | None = None,
    roots: Sequence[Path] = (),
) -> Connection:
    """An open connection. roots: folders that a program here may be told to work in. Raises AgentError."""
    made = Connection(target, consent=consent, limits=limits or Limits(), roots=roots)
    await made.open()
    return made


class _Told:
    """Passes progress on, at most so often."""

    def __init__(self, tell: Progress) -> None:
        self._tell = tell
        self._last = -1.0

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        now = time.monotonic()
        if now - self._last >= PROGRESS_SECONDS and all(map(math.isfinite, (progress, total or 0.0))):
            self._last = now
            self._tell(progress, total, (message or "")[:500])


async def _not_validated(name: str, result: object) -> None:
    """Nothing to check."""


def _silence() -> None:
    """The library reports what servers do wrong to its loggers; people are told in sentences instead."""
    for name in ("mcp", "client"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
