"""The agent that is the embedded model, on this computer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.agents.local.grammar_model import grammar_model
from app.agents.local.server import Address, LocalServer
from app.agents.models import SILENCE_SECONDS, OpenModel
from app.agents.pydantic_backend import ModelBackend

if TYPE_CHECKING:
    import httpx2


def local_backend(name: str, model: str, server: LocalServer) -> ModelBackend:
    """An agent on a local server, which starts with the first conversation."""

    async def connect() -> OpenModel:
        import httpx2
        from openai import AsyncOpenAI

        address = await server.address()
        http = httpx2.AsyncClient(timeout=SILENCE_SECONDS, trust_env=False)
        client = AsyncOpenAI(base_url=address.url, api_key=address.key, http_client=http, max_retries=0)
        window = await _window(http, address) or server.context
        return OpenModel(grammar_model(client, model, window), http.aclose, window)

    return ModelBackend(name, model, connect, "the embedded model", sees=False)


async def _window(http: httpx2.AsyncClient, address: Address) -> int | None:
    """The tokens that the server really holds: it gives a model no more than it was trained with."""
    import httpx2

    headers = {"Authorization": f"Bearer {address.key}"}
    try:
        answer = await http.get(address.url.removesuffix("/v1") + "/props", headers=headers)
        found = answer.json()["default_generation_settings"]["n_ctx"]
    except (httpx2.HTTPError, ValueError, LookupError, TypeError):
        return None
    return found if isinstance(found, int) and found > 0 else None
