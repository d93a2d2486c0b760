"""A model server for tests, OpenAI-compatible, on loopback: it answers what a script says, also badly.

    async with ModelServer([Reply(text="Hello."), Reply(calls=[Call("run", {"command": "ls"})])]) as server:
        server.url, server.requests

Each chat request takes the next reply; the last one is repeated. As a program, `python -m tests.helpers.model_server
[SCRIPT.json]` prints its URL, then serves until stdin ends; the script is a list of the fields of `Reply`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class Call:
    """A tool call of the model. A `name` the session has not and arguments that do not fit are possible."""

    name: str
    arguments: Any


@dataclass(frozen=True)
class Reply:
    """One answer. `pause`: seconds between chunks. `fault`: what goes wrong, after the text."""

    text: str = ""
    thinking: str = ""
    calls: Sequence[Call] = ()
    pause: float = 0.0
    fault: Literal["", "dies", "garbage", "not json", "hangs", "empty"] = ""
    status: int = 200
    message: str = "no"


@dataclass
class ModelServer:
    """Serves replies while it is entered. `requests`: the bodies it got. `key`: what it wants as bearer, if any."""

    replies: Sequence[Reply] = field(default_factory=lambda: [Reply(text="Hello from the model.")])
    key: str | None = None
    requests: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    async def __aenter__(self) -> ModelServer:
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def reply(self, request: dict[str, Any]) -> Reply:
        """What to answer a chat request with, which is the last of `requests`."""
        return self.replies[min(len(self.requests), len(self.replies)) - 1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._answer(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:])}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        if self.key is not None and headers.get("authorization") != f"Bearer {self.key}":
            return _json(writer, 401, {"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}})
        if "/models" in head[0]:
            return _json(writer, 200, {"object": "list", "data": [{"id": "test", "object": "model"}]})
        self.requests.append(json.loads(body))
        reply = self.reply(self.requests[-1])
        if reply.status != 200:
            return _json(writer, reply.status, {"error": {"message": reply.message}})
        await self._stream(writer, reply)

    async def _stream(self, writer: asyncio.StreamWriter, reply: Reply) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for data in _deltas(reply, len(self.requests)):
            _chunk(writer, "data: " + json.dumps(data) + "\n\n")
            await writer.drain()
            await asyncio.sleep(reply.pause)
        match reply.fault:
            case "dies":
                return writer.transport.abort()
            case "garbage":
                _chunk(writer, 'data: {"choices": [{"delta": 17, "index": "x"}], "object": []}\n\n')
            case "not json":
                _chunk(writer, "data: <html>Bad gateway</html>\n\n")
            case "hangs":
                await writer.drain()
                await asyncio.sleep(3600)
        _chunk(writer, "data: [DONE]\n\n")
        writer.write(b"0\r\n\r\n")
        await writer.drain()


def _deltas(reply: Reply, number: int) -> list[dict[str, Any]]:
    deltas: list[dict[str, Any]] = [{"role": "assistant"}]
    deltas += [{"reasoning_content": word} for word in _words(reply.thinking)]
    deltas += [{"content": word} for word in _words(reply.text)]
    for index, call in enumerate(reply.calls):
        arguments = call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments)
        head = {"index": index, "id": f"c{number}_{index}", "type": "function"}
        deltas.append({"tool_calls": [head | {"function": {"name": call.name, "arguments": ""}}]})
        for start in range(0, len(arguments), 20):
            piece = {"index": index, "function": {"arguments": arguments[start : start + 20]}}
            deltas.append({"tool_calls": [piece]})
    chunks = [_event([{"index": 0, "delta": delta, "finish_reason": None}]) for delta in deltas]
    if not reply.fault:
        finish = "tool_calls" if reply.calls else "stop"
        chunks.append(_event([{"index": 0, "delta": {}, "finish_reason": finish}]))
        usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
        chunks.append(_event([]) | {"usage": usage})
    return [] if reply.fault == "empty" else chunks


def _event(choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "test", "choices": choices}


def _words(text: str) -> list[str]:
    return [word + " " for word in text.split(" ")[:-1]] + [text.split(" ")[-1]] if text else []


def _chunk(writer: asyncio.StreamWriter, text: str) -> None:
    data = text.encode()
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


def _json(writer: asyncio.StreamWriter, status: int, value: Any) -> None:
    data = json.dumps(value).encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
    writer.write(head.encode() + b"Connection: close\r\n\r\n" + data)


def _load(path: str) -> list[Reply]:
    rows = json.loads(Path(path).read_text())
    return [Reply(**{**row, "calls": [Call(**call) for call in row.get("calls", [])]}) for row in rows]


async def _main() -> None:
    server = ModelServer(_load(sys.argv[1])) if len(sys.argv) > 1 else ModelServer()
    async with server:
        print(server.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_main())
