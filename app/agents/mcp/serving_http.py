"""Serves over HTTP on the loopback: whoever has the token may ask, no web page can."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from app.errors import UserError

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

HOST = "127.0.0.1"
PATH = "/mcp"
_CLOSE_SECONDS = 1
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


def new_token() -> str:
    """A token that nobody guesses."""
    return secrets.token_urlsafe(32)


def listen(port: int) -> socket.socket:
    """A listening socket on the loopback; port 0: any. Raises UserError."""
    if not 0 <= port < 1 << 16:
        raise UserError(f"There is no port {port}: the last one is 65535.")
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        raise UserError(
            f"Port {port} of this computer cannot be used: {error.strerror}. Choose another: --port N."
        ) from error


def address(listening: socket.socket) -> str:
    """What clients are given."""
    return f"http://{HOST}:{listening.getsockname()[1]}{PATH}"


async def serve_http(server: MCPServer, listening: socket.socket, token: str) -> None:
    """Serve until the task is cancelled or the process gets a signal."""
    import uvicorn

    app = server.streamable_http_app(streamable_http_path=PATH, host=HOST)
    config = uvicorn.Config(
        guarded(app, token), log_config=None, log_level="critical", timeout_graceful_shutdown=_CLOSE_SECONDS
    )
    await uvicorn.Server(config).serve(sockets=[listening])


def guarded(app: Application, token: str) -> Application:
    """The application for requests that carry the token; others get 401 and are told nothing."""
    wanted = f"Bearer {token}".encode()

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
            return
        given = [value for name, value in scope.get("headers", ()) if name == b"authorization"]
        if scope["type"] == "http" and len(given) == 1 and secrets.compare_digest(given[0], wanted):
            await app(scope, receive, send)
            return
        headers = [(b"www-authenticate", b"Bearer"), (b"content-type", b"text/plain")]
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 401, "headers": headers})
            await send({"type": "http.response.body", "body": b"A token is needed.\n"})

    return guard
