"""Lists of models from a server that behaves, and from such that do not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from app.agents.models import Endpoint
from app.agents.offers import offered_models
from app.errors import AgentError
from tests.app.agents.support import run
from tests.helpers.model_server import ModelServer


def test_the_models_of_a_server() -> None:
    async def ask() -> list[str]:
        async with ModelServer(key="right") as server:
            return await offered_models("openai-compatible", Endpoint("", server.url + "/", "right"))

    assert run(ask()) == ["test"]


def test_a_refused_key_is_a_sentence() -> None:
    async def ask() -> None:
        async with ModelServer(key="right") as server:
            await offered_models("openai", Endpoint("", server.url, "wrong"))

    with pytest.raises(AgentError, match="refused the key"):
        run(ask())


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def sending(data: bytes) -> Serve:
    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        writer.close()

    return serve


async def hanging(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


def http(body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


@pytest.mark.parametrize(
    ("serve", "sentence"),
    [
        (sending(http(b"<html>")), "not a list of models"),
        (sending(http(b'{"data": 3}')), "not a list of models"),
        (sending(http(b"\xff\xfe\x00")), "not a list of models"),
        (sending(http(b"", "404 Not Found")), "error \\(404\\)"),
        (sending(b"SSH-2.0-OpenSSH\r\n"), "cannot be reached"),
        (hanging, "did not answer within 0.3 seconds"),
    ],
)
def test_servers_that_are_none(serve: Serve, sentence: str) -> None:
    async def ask() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            await offered_models("openai-compatible", Endpoint("", f"http://127.0.0.1:{port}/v1"), seconds=0.3)

    with pytest.raises(AgentError, match=sentence):
        run(ask())


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9/v1", "http://127.0.0.1:99999/v1", "nonsense", "http://[broken", "http://", "http://a b/v1"],
)
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(AgentError, match="cannot be reached"):
        run(offered_models("openai-compatible", Endpoint("", url)))
