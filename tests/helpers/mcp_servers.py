"""The MCP servers and the conformance suite that `make test-external` installs; tests skip what is not there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "build/external/mcp"
_NODE = FOLDER / "node_modules/@modelcontextprotocol"
_PYTHON = FOLDER / "python/bin"
_PATHS = {
    "everything": _NODE / "server-everything/dist/index.js",
    "filesystem": _NODE / "server-filesystem/dist/index.js",
    "memory": _NODE / "server-memory/dist/index.js",
    "conformance": _NODE / "conformance/dist/index.js",
    "git": _PYTHON / "mcp-server-git",
    "time": _PYTHON / "mcp-server-time",
    "fetch": _PYTHON / "mcp-server-fetch",
}


def is_installed(name: str) -> bool:
    """Whether it is there, with Node.js where it needs that."""
    return _PATHS[name].exists() and (_PATHS[name].suffix != ".js" or shutil.which("node") is not None)


def command(name: str) -> list[str]:
    """The command line of an installed one."""
    path = str(_PATHS[name])
    return [shutil.which("node") or "node", path] if path.endswith(".js") else [path]


def needed(name: str) -> list[str]:
    """As `command`; skips the test where it is not installed, on CI that is a failure."""
    if not is_installed(name):
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} is not installed")
        pytest.skip(f"{name} is not installed; make test-external does it")
    return command(name)
