"""Which models a server or provider offers, so that nobody has to know their names by heart."""

from __future__ import annotations

from urllib.parse import urlsplit

from app.agents.models import Endpoint
from app.errors import AgentError

OLLAMA = "http://127.0.0.1:11434/v1"
"""Where Ollama is on a computer that runs it with its defaults. Only this computer is ever asked unbidden."""
ASKING_SECONDS = 8.0
PROBING_SECONDS = 0.6
_MOST_BYTES = 4 << 20
_ADDRESSES = {"openai": "https://api.openai.com/v1", "anthropic": "https://api.anthropic.com/v1"}


async def offered_models(kind: str, endpoint: Endpoint, *, seconds: float = ASKING_SECONDS) -> list[str]:
    """Names of models, as the server sorts them. kind: of the agent; endpoint.model is not looked at.

    Raises AgentError, at the latest after `seconds`.
    """
    import asyncio

    import httpx2

    address = (endpoint.url or _ADDRESSES[kind]).rstrip("/")
    unreachable = AgentError(f"{address} cannot be reached. Is the server running, and the address right?")
    if not is_web_address(address):
        raise unreachable
    try:
        async with asyncio.timeout(seconds), httpx2.AsyncClient(timeout=seconds, follow_redirects=True) as client:
            answer = await client.get(f"{address}/models", headers=_headers(kind, endpoint.key))
            answer.raise_for_status()
    except (TimeoutError, httpx2.TimeoutException) as error:
        raise AgentError(f"{address} did not answer within {seconds:g} seconds.") from error
    except httpx2.HTTPStatusError as error:
        raise AgentError(_refusal(address, error.response.status_code)) from error
    except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError) as error:
        raise unreachable from error
    return _names(answer.content[:_MOST_BYTES], address)


def is_web_address(text: str) -> bool:
    """Whether this is an address such as http://127.0.0.1:11434/v1."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and " " not in text
    except ValueError:  # brackets without an address, a port that is none
        return False


def _headers(kind: str, key: str | None) -> dict[str, str]:
    if kind == "anthropic":
        return {"anthropic-version": "2023-06-01"} | ({"x-api-key": key} if key else {})
    return {"Authorization": f"Bearer {key}"} if key else {}


def _names(content: bytes, address: str) -> list[str]:
    """The form of OpenAI and Anthropic: {data: [{id}]}."""
    import json

    try:
        answer = json.loads(content)
        ids = [row["id"] for row in answer["data"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise AgentError(f"{address} sent something that is not a list of models.") from error
    return [name for name in ids if isinstance(name, str) and name]


def _refusal(address: str, status: int) -> str:
    if status in (401, 403):
        return f"{address} refused the key."
    return f"{address} answered with an error ({status}). Is the address right?"
