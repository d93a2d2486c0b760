"""Calls by hand: each is two events of an mcp session, with input, result, time and status."""

from __future__ import annotations

import asyncio
import base64
import binascii
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from app.agents.mcp.connection import Connection, Progress
from app.agents.mcp.consent import Consent, Refusing
from app.agents.mcp.recorded_consent import RecordedConsent
from app.agents.mcp.results import Answer
from app.agents.recorder import Store, StoreRecorder
from app.errors import UserError
from app.sessions.events import ResultStatus, ToolCall, ToolResult
from sync.clock import Clock

Opening = Callable[[], Awaitable[Connection]]
Keep = Callable[[bytes, str, str | None], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Called:
    """What came of a call. event: id of its result. took: milliseconds. error: why there is no answer."""

    session: str
    event: str
    took: int
    answer: Answer | None = None
    error: UserError | None = None


def tool_name(server: str, tool: str) -> str:
    """The name of a server's tool in events, as Claude Code and Codex have it too."""
    return f"mcp__{server}__{tool}"


class Caller:
    """Calls tools in one session, as the person."""

    def __init__(self, store: Store, session: str, clock: Clock, consent: Consent | None = None) -> None:
        self._store = store
        self.session = session
        self._clock = clock
        self._consent = consent or Refusing()

    async def call(
        self,
        opening: Opening,
        server: str,
        tool: str,
        arguments: Mapping[str, Any],
        *,
        title: str = "",
        on_progress: Progress | None = None,
        seconds: float | None = None,
    ) -> Called:
        """Call a tool and record that, also where it fails. opening: gives the connection, which stays open.

        Cancelling the caller cancels the call and still records that.
        """

        async def work(connection: Connection) -> Answer:
            return await connection.call(tool, arguments, on_progress=on_progress, seconds=seconds)

        call = ToolCall(
            call_id=_new_call(),
            name=tool_name(server, tool),
            title=f"{server}: {title or tool}",
            input=dict(arguments),
        )
        return await self._do(opening, call, work)

    async def read(self, opening: Opening, server: str, uri: str) -> Called:
        """Read a resource, as `call`."""
        call = ToolCall(
            call_id=_new_call(),
            name=tool_name(server, "resources/read"),
            tool_kind="read",
            title=f"{server}: read {uri}",
            input={"uri": uri},
        )
        return await self._do(opening, call, lambda connection: connection.read(uri))

    async def prompt(self, opening: Opening, server: str, name: str, arguments: Mapping[str, str]) -> Called:
        """Get a prompt, as `call`."""
        call = ToolCall(
            call_id=_new_call(),
            name=tool_name(server, "prompts/get"),
            tool_kind="read",
            title=f"{server}: prompt {name}",
            input={"name": name, "arguments": dict(arguments)},
        )
        return await self._do(opening, call, lambda connection: connection.prompt(name, arguments))

    async def _do(self, opening: Opening, call: ToolCall, work: Callable[[Connection], Awaitable[Answer]]) -> Called:
        recorder = StoreRecorder(self._store, self.session, agent=None, clock=self._clock)
        began = time.monotonic()
        answer: Answer | None = None
        error: UserError | None = None
        status: ResultStatus = "cancelled"
        event = ""
        try:
            await _surely(recorder.record(call))
            connection = await opening()
            with connection.asking(RecordedConsent(self._consent, recorder.record, call.call_id)):
                answer = await work(connection)
            status = "failed" if answer.is_error else "completed"
        except UserError as raised:
            error, status = raised, "failed"
        finally:
            took = round((time.monotonic() - began) * 1000)
            result = await _result(call.call_id, status, answer, str(error or ""), took, recorder.keep)
            [event] = await recorder.record(result)
        return Called(self.session, event, took, answer, error)


async def _surely(work: Coroutine[Any, Any, object]) -> None:
    """Do the work to its end, also where the caller is cancelled meanwhile."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _new_call() -> str:
    return "call_" + secrets.token_hex(8)


async def _result(
    call_id: str, status: ResultStatus, answer: Answer | None, problem: str, took: int, keep: Keep
) -> ToolResult:
    if answer is None:
        return ToolResult(call_id=call_id, status=status, output=problem or "Cancelled.", duration_ms=took)
    content = await kept_content(answer, keep)
    return ToolResult(call_id=call_id, status=status, output=answer.text(), content=content, duration_ms=took)


async def kept_content(answer: Answer, keep: Keep) -> Any:
    """What the text does not say: bytes (pictures, sounds, files) as payloads of the session, and structured values."""
    blocks = [await _kept(block, keep) for block in answer.content if block.get("type") != "text"]
    kept: dict[str, Any] = {"blocks": blocks} if blocks else {}
    if answer.structured is not None and not _only_repeats(answer):
        kept["structured"] = answer.structured
    return kept or None


async def _kept(block: Mapping[str, Any], keep: Keep) -> dict[str, Any]:
    inner = block.get("resource")
    if isinstance(inner, Mapping):
        return {**block, "resource": await _without_bytes(inner, "blob", "resource", keep)}
    return await _without_bytes(block, "data", str(block["type"]), keep)


async def _without_bytes(value: Mapping[str, Any], key: str, name: str, keep: Keep) -> dict[str, Any]:
    """The value with a payload in place of the bytes that it has in base64 under the key."""
    data = value.get(key)
    if not isinstance(data, str):
        return dict(value)
    rest = {other: one for other, one in value.items() if other != key}
    try:
        payload = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return rest | {"damaged": True}
    media_type = value.get("mimeType")
    ref = await keep(payload, name, media_type if isinstance(media_type, str) else None)
    return rest | {key: msgspec.to_builtins(ref)}


def _only_repeats(answer: Answer) -> bool:
    """Whether the structured value is the text once more, as libraries wrap a plain result."""
    texts = [block.get("text") for block in answer.content if block.get("type") == "text"]
    value = answer.structured
    if isinstance(value, dict) and list(value) == ["result"]:
        return len(texts) == 1 and (value["result"] == texts[0] or str(value["result"]) == texts[0])
    return False
