"""What a server has to offer, for the list of the panel: tools, resources and prompts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.ui.servers import Kind

if TYPE_CHECKING:
    from app.agents.mcp.connection import Connection


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing to use. schema: of what it wants to be given."""

    kind: Kind
    name: str
    title: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Offered:
    """All of a server. about: what it says of itself."""

    server: str
    about: str
    offers: tuple[Offer, ...]


async def read_offers(connection: Connection) -> Offered:
    """Ask a server for all it has. Raises UserError."""
    info = connection.info
    found = [
        Offer("tool", tool.name, tool.title, tool.description, tool.input_schema) for tool in await connection.tools()
    ]
    for one in await connection.resources():
        found.append(Offer("resource", one.uri, one.name, f"{one.uri}\n{one.description}".strip(), {}))
    for prompt in await connection.prompts():
        found.append(Offer("prompt", prompt.name, prompt.title, prompt.description, _schema(prompt.arguments)))
    name = " ".join(part for part in (info.name, info.version) if part)
    return Offered(connection.name, f"{name} · protocol {info.protocol}", tuple(found))


def _schema(arguments: tuple[tuple[str, str, bool], ...]) -> dict[str, Any]:
    """The arguments of a prompt, which are texts, as a JSON schema."""
    return {
        "type": "object",
        "properties": {name: {"type": "string", "description": about} for name, about, _needed in arguments},
        "required": [name for name, _about, needed in arguments if needed],
    }
