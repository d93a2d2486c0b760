"""The transport to a server that is an address: streamable HTTP, with answers of bounded size."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx2
from mcp.client.streamable_http import streamable_http_client

from app.agents.mcp.launch import Address
from app.agents.mcp.limits import Limits

CONNECT_SECONDS = 10.0


@asynccontextmanager
async def web_transport(address: Address, limits: Limits, on_status: Callable[[int], None]) -> AsyncIterator[Any]:
    """The streams to an address. The calls' own limits say how long an answer may take.

    on_status: told the status of every answer, of which the library says little.
    """
    timeout = httpx2.Timeout(CONNECT_SECONDS, read=None)
    headers = {"Accept-Encoding": "identity", **address.headers}

    async def bound(response: httpx2.Response) -> None:
        on_status(response.status_code)
        _bound(response, limits.message)

    client = httpx2.AsyncClient(headers=headers, timeout=timeout, event_hooks={"response": [bound]})
    transport: AbstractAsyncContextManager[Any] = streamable_http_client(
        address.url, http_client=client, max_sse_event_size=limits.message
    )
    async with client, transport as streams:
        yield streams


def _bound(response: httpx2.Response, most: int) -> None:
    """Let a response end with an error where it is longer than it may be, or packed though nobody asked for that."""
    if response.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
        response.stream = _BoundedStream(response.stream, 0, "the server packs its answers though it was asked not to")
    elif not response.headers.get("content-type", "").lower().startswith("text/event-stream"):
        response.stream = _BoundedStream(response.stream, most, f"the answer is longer than {most >> 20} MB")


class _BoundedStream(httpx2.AsyncByteStream):
    """A stream of at most so many bytes; what is longer is refused."""

    def __init__(self, stream: Any, most: int, refusal: str) -> None:
        self._stream = stream
        self._most = most
        self._refusal = refusal

    async def __aiter__(self) -> AsyncIterator[bytes]:
        count = 0
        async for chunk in self._stream:
            count += len(chunk)
            if count > self._most:
                raise httpx2.StreamError(self._refusal)
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
