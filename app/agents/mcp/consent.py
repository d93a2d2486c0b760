"""What servers ask of people while they do a call: to fill in a form, or to let a model answer something.

Nothing of it happens without a person; where nobody can be asked it is declined.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Value = str | int | float | bool | list[str] | None


@dataclass(frozen=True, slots=True)
class Elicitation:
    """A server asks for values. schema: of an object with plain properties; url: a page to visit instead."""

    server: str
    message: str
    schema: Mapping[str, Any]
    url: str = ""


@dataclass(frozen=True, slots=True)
class Elicited:
    """What the person answered."""

    action: Literal["accept", "decline", "cancel"]
    values: Mapping[str, Value] | None = None


DECLINED = Elicited("decline")


@dataclass(frozen=True, slots=True)
class Sampling:
    """A server wants a model to answer. messages: (role, text)."""

    server: str
    messages: tuple[tuple[str, str], ...]
    instructions: str
    max_tokens: int

    def text(self) -> str:
        """All of it as one text, for the person and for the model."""
        parts = [self.instructions, *(text if role == "user" else f"[{role}] {text}" for role, text in self.messages)]
        return "\n\n".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Sampled:
    """What a model answered."""

    text: str
    model: str


class Consent(Protocol):
    """Asks a person."""

    async def elicit(self, wanted: Elicitation) -> Elicited:
        """The person's values."""
        ...

    async def sample(self, wanted: Sampling) -> Sampled | None:
        """The model's answer, once the person has agreed; None: declined. Raises AgentError where the model fails."""
        ...


class Refusing:
    """Nobody can be asked."""

    async def elicit(self, wanted: Elicitation) -> Elicited:
        """See `Consent`."""
        return DECLINED

    async def sample(self, wanted: Sampling) -> Sampled | None:
        """See `Consent`."""
        return None
