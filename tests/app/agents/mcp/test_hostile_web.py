"""Addresses that misbehave: answers without end, packed ones, wrong ones, none at all."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.agents.mcp.config import ServerConfig
from app.agents.mcp.connection import connect
from app.agents.mcp.launch import plan
from app.agents.mcp.limits import Limits
from app.agents.mcp.pool import ServerPool
from app.agents.mcp.servers import ServerRegistry
from app.errors import UserError
from tests.app.agents.support import run
from tests.app.agents.test_registry import Keys, Settings

LIMITS = Limits(connect=3, listing=3, call=3, message=1 << 20)
ABOUT = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "w", "version": "0"}}


def reply(number: Any, result: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": number, "result": result}).encode()


class Server:
    """Greets as it should, then answers a call in the manner of the mode."""

    def __init__(self, mode: str) -> None:
        self.mode = mode
        self.headers: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                self.headers.append(head)
                sizes = [line.split(":")[1] for line in head.splitlines() if line.lower().startswith("content-length")]
                length = int(sizes[0]) if sizes else 0
                body = await reader.readexactly(length)
                await self.answer(head.split()[0], json.loads(body) if body else {}, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(self, verb: str, message: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        method, number = message.get("method"), message.get("id")
        if self.mode == "silent" or (verb == "DELETE" and self.mode == "stays"):
            await asyncio.sleep(60)
        if verb != "POST":
            self.send(writer, b"", status="405 No")
        elif self.mode.isdigit():
            self.send(writer, b"no", status=f"{self.mode} No", kind="text/plain")
        elif method == "initialize":
            self.send(writer, reply(number, ABOUT), extra="Mcp-Session-Id: s\r\n")
        elif method == "tools/call":
            await self.call(number, writer)
        elif number is None:
            self.send(writer, b"", status="202 Accepted")
        else:
            error = {"jsonrpc": "2.0", "id": number, "error": {"code": -32601, "message": "Method not found"}}
            self.send(writer, json.dumps(error).encode())

    async def call(self, number: Any, writer: asyncio.StreamWriter) -> None:
        text = {"content": [{"type": "text", "text": "x" * (2 << 20)}]}
        match self.mode:
            case "endless":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n[")
                while True:
                    writer.write(b"1," * 50_000)
                    await writer.drain()
            case "large":
                self.send(writer, reply(number, text))
            case "packed":
                self.send(writer, gzip.compress(reply(number, text)), extra="Content-Encoding: gzip\r\n")
            case "event":
                data = b"event: message\ndata: " + reply(number, text) + b"\n\n"
                self.send(writer, data, kind="text/event-stream")
            case "cut":
                self.send(writer, b"event: message\ndata: {", kind="text/event-stream")
            case "html":
                self.send(writer, b"<html>Please log in</html>", kind="text/html")
            case "elsewhere":
                self.send(writer, b"", status="307 Moved", extra="Location: http://127.0.0.1:9/mcp\r\n")
            case "forgets":
                self.send(writer, b"who?", status="404 No", kind="text/plain")
            case "hangs":
                await asyncio.sleep(60)
            case _:
                self.send(writer, reply(number, {"content": [{"type": "text", "text": "went"}]}))

    @staticmethod
    def send(
        writer: asyncio.StreamWriter,
        body: bytes,
        *,
        status: str = "200 OK",
        kind: str = "application/json",
        extra: str = "",
    ) -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
        writer.write(head.encode() + body)


@asynccontextmanager
async def serving(mode: str) -> AsyncIterator[tuple[ServerConfig, Server]]:
    server = Server(mode)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    try:
        yield ServerConfig(name="web", url=f"http://127.0.0.1:{port}/mcp", headers={"X-Key": "swordfish"}), server
    finally:
        listening.close()


def call(mode: str) -> tuple[str, Server]:
    async def work() -> tuple[str, Server]:
        async with serving(mode) as (config, server):
            connection = await connect(plan(config, secrets=("swordfish",)), limits=LIMITS)
            try:
                return (await connection.call("go", {})).text(), server
            finally:
                began = time.monotonic()
                await connection.close()
                assert time.monotonic() - began < 1.5

    return run(work(), 30)


def test_an_address_that_behaves_gets_the_headers() -> None:
    text, server = call("well")
    assert text == "went"
    assert all("swordfish" in head for head in server.headers)


@pytest.mark.parametrize(
    ("mode", "sentence"),
    [
        ("endless", "longer than 1 MB"),
        ("large", "longer than 1 MB"),
        ("packed", "packs its answers"),
        ("event", "SSE stream failed"),
        ("cut", "closed the connection"),
        ("html", "Unexpected content type: text/html"),
        ("elsewhere", "Redirect to http://127.0.0.1:9/mcp not followed"),
        ("hangs", "did not answer within 3 seconds (while calling 'go')"),
        ("silent", "did not answer within 3 seconds (while connecting)"),
        ("404", "is not at that address: it answers 404"),
        ("401", "it answers 401. It wants a token"),
        ("500", "it answers 500"),
    ],
)
def test_one_clear_sentence(mode: str, sentence: str) -> None:
    with pytest.raises(UserError) as raised:
        call(mode)
    assert sentence in str(raised.value)
    assert str(raised.value).startswith("The MCP server 'web' ")
    assert "swordfish" not in str(raised.value)


def test_a_server_that_does_not_want_to_part_is_left() -> None:
    assert call("stays")[0] == "went"


def test_a_server_that_forgot_the_connection_is_connected_to_anew() -> None:
    async def work() -> None:
        async with serving("forgets") as (config, server):
            registry = ServerRegistry(Settings(), secrets=Keys())
            await registry.add(config)
            pool = ServerPool(registry, limits=LIMITS)
            try:
                with pytest.raises(UserError, match="does not know this connection any more"):
                    await (await pool.connection("web")).call("go", {})
                assert not pool.is_open("web")
                server.mode = "well"
                assert (await (await pool.connection("web")).call("go", {})).text() == "went"
            finally:
                await pool.close()

    run(work(), 30)
