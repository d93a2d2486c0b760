"""What the tests of MCP share: servers to connect to."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.agents.mcp.config import ServerConfig
from app.agents.mcp.consent import Elicitation, Elicited, Sampled, Sampling

HELPERS = Path(__file__).parents[3] / "helpers"
DEMO = ServerConfig(name="demo", command=sys.executable, args=(str(HELPERS / "mcp_server.py"),))


def hostile(mode: str, **env: str) -> ServerConfig:
    """A server by hand, which behaves in the manner of the mode."""
    script = str(HELPERS / "mcp_hostile.py")
    return ServerConfig(name="hostile", command=sys.executable, args=(script, mode), env=dict(env))


@contextmanager
def demo_address() -> Iterator[str]:
    """The real server over HTTP."""
    arguments = [sys.executable, str(HELPERS / "mcp_server.py"), "--http"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/mcp"
        finally:
            process.terminate()


class Willing:
    """A person who agrees to everything, and takes note."""

    def __init__(self, **values: str | int) -> None:
        self.values = values
        self.asked: list[Elicitation | Sampling] = []

    async def elicit(self, wanted: Elicitation) -> Elicited:
        self.asked.append(wanted)
        return Elicited("accept", self.values)

    async def sample(self, wanted: Sampling) -> Sampled | None:
        self.asked.append(wanted)
        return Sampled("42", "the model")
