"""A connection to an external agent: requests with time-outs, and every failure as one sentence.

The library (`acp`) keeps requests and answers together; it takes half a second to import, so that happens with the
first connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.agents.acp import explaining
from app.agents.acp.limits import Limits
from app.agents.acp.wire import AgentProcess, LastWords, OnUpdate
from app.agents.process import find_program
from app.errors import AgentError

if TYPE_CHECKING:
    from acp.connection import Connection

OnRequest = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]
"""Answers a request of the agent. Raises `Refusal`."""


class Refusal(Exception):
    """Why a request of the agent is not granted."""


class AgentConnection:
    """An agent that runs. `about`: what it said of itself when it was greeted."""

    def __init__(self, name: str, limits: Limits, *, on_update: OnUpdate, on_request: OnRequest) -> None:
        self.name = name
        self.about: Mapping[str, Any] = {}
        self._limits = limits
        self._process = AgentProcess(limits, on_update)
        self._on_request = on_request
        self._connection: Connection | None = None

    async def open(self, argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
        """Start and greet the agent. Raises AgentError."""
        program = find_program(argv[0], env.get("PATH"))
        if program is None:
            raise explaining.not_started(self.name, argv[0], "there is no such program")
        try:
            await self._process.start((program, *argv[1:]), env, cwd)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it cannot be started"
            raise explaining.not_started(self.name, argv[0], reason) from error
        from acp.connection import Connection

        self._connection = Connection(self._answer, self._process)
        await self._greet()

    async def _greet(self) -> None:
        from acp import PROTOCOL_VERSION
        from acp.schema import ClientCapabilities, FileSystemCapabilities, Implementation, InitializeRequest

        files = FileSystemCapabilities(read_text_file=True, write_text_file=True)
        asked = InitializeRequest(
            protocol_version=PROTOCOL_VERSION,
            client_capabilities=ClientCapabilities(fs=files, terminal=False),
            client_info=Implementation(name="lovelace", title="Lovelace", version="1"),
        )
        greeting = asked.model_dump(mode="json", by_alias=True, exclude_none=True)
        self.about = await self.request("initialize", greeting, doing="start")
        version = self.about.get("protocolVersion")
        if version != PROTOCOL_VERSION:
            raise AgentError(
                f"The agent '{self.name}' speaks version {explaining.one_line(str(version))} of the protocol; this "
                f"program speaks version {PROTOCOL_VERSION}. Update the older of the two."
            )

    async def request(
        self, method: str, params: Mapping[str, Any], *, doing: str = "answer", timed: bool = True
    ) -> dict[str, Any]:
        """The agent's answer, {} for one that is no object. doing: for the sentence. Raises AgentError."""
        from acp.exceptions import RequestError

        assert self._connection is not None
        seconds = self._limits.opening if timed else None
        try:
            async with asyncio.timeout(seconds):
                answer = await self._connection.send_request(method, params)
        except TimeoutError as error:
            raise explaining.too_slow(self.name, doing, self._limits.opening, self.last_words()) from error
        except RequestError as error:
            logins = explaining.login_methods(self.about.get("authMethods"))
            raise explaining.refused(self.name, error.code, str(error), error.data, logins) from error
        except ConnectionError as error:
            raise explaining.broke_off(self.name, await self._final_words()) from error
        return answer if isinstance(answer, dict) else {}

    async def notify(self, method: str, params: Mapping[str, Any], seconds: float) -> None:
        """Tell the agent something, as far as it listens."""
        assert self._connection is not None
        try:
            async with asyncio.timeout(seconds):
                await self._connection.send_notification(method, params)
        except (TimeoutError, ConnectionError):
            return

    def last_words(self) -> LastWords:
        """What is known of the agent's process."""
        return self._process.last_words()

    async def _final_words(self) -> LastWords:
        """The same once its end is known, which comes a moment after the end of its output."""
        for _ in range(20):
            words = self.last_words()
            if words.fault or words.ended is not None:
                break
            await asyncio.sleep(0.01)
        return self.last_words()

    async def close(self) -> None:
        """Leave nothing of the agent running."""
        closing = asyncio.ensure_future(self._close())
        await asyncio.shield(closing)

    async def _close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
        await self._process.end()

    async def _answer(self, method: str, params: Any, is_notification: bool) -> dict[str, Any]:
        from acp.exceptions import RequestError

        if is_notification:
            return {}
        try:
            return await self._on_request(method, params if isinstance(params, dict) else {})
        except Refusal as refusal:
            raise RequestError(-32602, str(refusal)) from refusal
        except NotImplementedError:
            raise RequestError.method_not_found(method) from None
