"""Language models of providers: how each kind is reached, and what its errors mean to a person."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.errors import AgentError

if TYPE_CHECKING:
    from pydantic_ai.models import Model

CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 180.0
"""How long a server may say nothing, before the first word or between two."""


@dataclass(frozen=True, slots=True)
class OpenModel:
    """A model that is ready to be asked. `close` lets go of its connections. window: tokens, where its server says."""

    model: Model
    close: Callable[[], Awaitable[None]]
    window: int | None = None


Connect = Callable[[], Awaitable[OpenModel]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model is: a provider's own address, or the URL of a compatible server."""

    model: str
    url: str | None = None
    key: str | None = None
    connect_seconds: float = CONNECT_SECONDS
    silence_seconds: float = SILENCE_SECONDS


def _client(endpoint: Endpoint) -> Any:
    import httpx2

    timeout = httpx2.Timeout(endpoint.silence_seconds, connect=endpoint.connect_seconds)
    return httpx2.AsyncClient(timeout=timeout, follow_redirects=True)


async def open_compatible(endpoint: Endpoint) -> OpenModel:
    """A model behind the OpenAI chat protocol: OpenAI itself (no URL), Ollama, llama.cpp, vLLM, LM Studio, …"""
    from openai import AsyncOpenAI
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    client = _client(endpoint)
    key = endpoint.key or "none"
    address = endpoint.url or "https://api.openai.com/v1"
    openai = AsyncOpenAI(api_key=key, base_url=address, http_client=client, max_retries=1)
    return OpenModel(OpenAIChatModel(endpoint.model, provider=OpenAIProvider(openai_client=openai)), client.aclose)


async def open_anthropic(endpoint: Endpoint) -> OpenModel:
    """A model of Anthropic, or of a server that speaks its protocol."""
    from anthropic import AsyncAnthropic
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    client = _client(endpoint)
    anthropic = AsyncAnthropic(api_key=endpoint.key or "none", base_url=endpoint.url, http_client=client, max_retries=1)
    provider = AnthropicProvider(anthropic_client=anthropic)
    return OpenModel(AnthropicModel(endpoint.model, provider=provider), client.aclose)


def explain(error: Exception, *, agent: str, model: str, where: str) -> AgentError:
    """One sentence about what went wrong with a model, and what to do. What the server said is cut short."""
    import httpx2
    import openai
    from pydantic_ai import exceptions as e

    subject = f"The agent '{agent}'"
    match error:
        case e.ModelAuthenticationError():
            text = (
                f"{subject} was refused by {where}: the key is missing or wrong. Set it in the settings, or with "
                "'lovelace agents add'."
            )
        case e.ModelNotFoundError():
            text = f"{subject}: {where} has no model '{model}'. Check the name with its provider."
        case e.ModelTimeoutError() | e.ModelRequestTimeout() | openai.APITimeoutError() | httpx2.TimeoutException():
            text = f"{subject}: {where} took too long to answer. Try again, or look at the server."
        case e.ModelConnectionError(phase="connect"):
            text = f"{subject} cannot reach {where}. Is the server running, and the address right?"
        case e.ModelConnectionError() | openai.APIConnectionError() | httpx2.HTTPError():
            text = f"{subject}: the connection to {where} broke off. What had come is kept; try again."
        case e.ModelContextWindowExceededError():
            text = f"{subject}: the session is too long for the model '{model}'."
        case e.ModelRateLimitError() | e.ModelQuotaExceededError():
            text = f"{subject}: {where} allows no more requests now. Wait, or look at the account's limits."
        case e.ModelUnavailableError() | e.ModelServerError():
            text = f"{subject}: {where} has a problem of its own. Try again later."
        case e.ModelAPIError() | openai.APIError():
            text = f"{subject}: {where} refused the request: {_short(error.message)}"
        case e.UnexpectedModelBehavior():
            text = f"{subject}: the model did not follow the protocol: {_short(error.message)}"
        case _:
            text = f"{subject}: {where} sent something that is not an answer ({type(error).__name__})."
    return AgentError(text)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 200 else line[:199] + "…"
