"""The agent that is the embedded model, on this computer."""

from __future__ import annotations

from app.agents.local.grammar_model import PROMPT_CHARACTERS, grammar_model
from app.agents.local.server import LocalServer
from app.agents.models import SILENCE_SECONDS, OpenModel
from app.agents.pydantic_backend import ModelBackend


def local_backend(name: str, model: str, server: LocalServer) -> ModelBackend:
    """An agent on a local server, which starts with the first conversation."""

    async def connect() -> OpenModel:
        import httpx2
        from openai import AsyncOpenAI

        address = await server.address()
        http = httpx2.AsyncClient(timeout=SILENCE_SECONDS, trust_env=False)
        client = AsyncOpenAI(base_url=address.url, api_key=address.key, http_client=http, max_retries=0)
        return OpenModel(grammar_model(client, model), http.aclose)

    return ModelBackend(name, model, connect, "the embedded model", PROMPT_CHARACTERS * 2 // 3)
