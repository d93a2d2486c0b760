"""Runs Lovelace as an MCP server: on the streams of this process, which then carry nothing else, or over HTTP."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.call import Call
from app.errors import UserError

if TYPE_CHECKING:
    from app.workspace import Workspace

_LEAST = 16
"""Characters of a token that is worth its name."""


def serve_over_stdio(workspace: Workspace) -> None:
    """Serve until the input ends."""
    from app.agents.mcp.serving import make_server

    asyncio.run(make_server(workspace, _name(workspace)).run_stdio_async())


def serve_over_http(call: Call, workspace: Workspace, port: int, token_file: Path | None) -> None:
    """Print address and token, then serve until Ctrl+C."""
    from app.agents.mcp.serving import make_server
    from app.agents.mcp.serving_http import address, listen, new_token, serve_http

    token = new_token() if token_file is None else _kept_token(token_file, new_token())
    with listen(port) as listening:
        url = address(listening)
        if call.out.json:
            call.out.value({"url": url, "token": token})
        else:
            call.out.line(f"{url}\nAuthorization: Bearer {token}")
            call.out.flush()
        asyncio.run(serve_http(make_server(workspace, _name(workspace)), listening, token))


def _name(workspace: Workspace) -> str:
    return workspace.read(lambda queries: queries.workspace_row().name)


def _kept_token(path: Path, fresh: str) -> str:
    """The token of a file, which only the person can read; made with a fresh one where it is not there."""
    try:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            token = path.read_text().strip()
        else:
            with open(descriptor, "w") as file:
                file.write(fresh + "\n")
            return fresh
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise UserError(f"The token of {path} cannot be read or made: {reason}.") from error
    if len(token) < _LEAST or not token.isascii() or not token.isprintable():
        raise UserError(f"The token in {path} is too short or odd: {_LEAST} characters of ASCII at least.")
    return token
