"""A real MCP server for tests, made with the library: `mcp_server.py [--http]`, which prints the port it took."""

import asyncio
import os
import sys
from typing import Annotated, Literal

from mcp.server.elicitation import ElicitationResult
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.resolve import Elicit, Resolve, Sample
from mcp_types import (
    BlobResourceContents,
    CreateMessageResult,
    EmbeddedResource,
    ImageContent,
    SamplingMessage,
    TextContent,
)
from pydantic import BaseModel

server = MCPServer("demo", title="Demo", version="1.2", instructions="Use echo.")


class Guest(BaseModel):
    """What is asked of a person."""

    name: str
    age: int = 0


@server.tool(title="Say it back")
def echo(message: str) -> str:
    """Give the message back."""
    return message


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def fail(why: str) -> str:
    """Always fail."""
    raise ValueError(why)


@server.tool()
async def slow(seconds: float, context: Context) -> str:
    """Take a while and tell how far it is."""
    for step in range(10):
        await context.report_progress(step + 1, 10, f"step {step + 1}")
        await asyncio.sleep(seconds / 10)
    return "done"


@server.tool()
def picture() -> ImageContent:
    """Give a picture."""
    return ImageContent(type="image", data="iVBORw0KGgo=", mime_type="image/png")


@server.tool()
def parcel() -> EmbeddedResource:
    """Give a file."""
    contents = BlobResourceContents(uri="memo://parcel", blob="AAEC/w==", mime_type="application/x-parcel")
    return EmbeddedResource(type="resource", resource=contents)


@server.tool()
def paint(color: Literal["red", "green"], sizes: list[int], exact: bool = False) -> dict[str, object]:
    """Take values of several kinds."""
    return {"color": color, "sizes": sizes, "exact": exact}


def ask_guest() -> Elicit[Guest]:
    """The question of `greet`."""
    return Elicit("Who are you?", Guest)


def ask_model(question: str) -> Sample:
    """The question of `think`."""
    content = TextContent(type="text", text=question)
    return Sample([SamplingMessage(role="user", content=content)], max_tokens=100)


@server.tool()
def greet(guest: Annotated[ElicitationResult[Guest], Resolve(ask_guest)]) -> str:
    """Ask the person for a name."""
    return f"hello {guest.data.name}" if guest.action == "accept" else f"{guest.action}d"


@server.tool()
def think(question: str, answer: Annotated[CreateMessageResult, Resolve(ask_model)]) -> str:
    """Ask the client's model."""
    return f"{answer.model} says {getattr(answer.content, 'text', '')}"


@server.tool()
def surroundings(name: str) -> str:
    """The value of a variable, or the folder."""
    return os.getcwd() if name == "PWD" else os.environ.get(name, "")


@server.tool()
def die() -> str:
    """End at once."""
    print("out of memory", file=sys.stderr, flush=True)
    os._exit(3)


@server.resource("memo://hello")
def memo() -> str:
    """A memo."""
    return "hello"


@server.prompt()
def review(code: str) -> str:
    """Review code."""
    return f"Review this: {code}"


def main() -> None:
    """Serve until the input ends."""
    if "--http" in sys.argv:
        import socket

        import uvicorn

        listening = socket.create_server(("127.0.0.1", 0))
        print(listening.getsockname()[1], flush=True)
        uvicorn.Server(uvicorn.Config(server.streamable_http_app(), log_level="error")).run(sockets=[listening])
    else:
        server.run()


if __name__ == "__main__":
    main()
