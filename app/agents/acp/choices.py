"""The modes and models of an external agent: two things that are told and set in several ways."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from app.agents.acp.values import first_text, member, objects, text
from app.errors import AgentError

What = Literal["mode", "model"]
_KEYS: Mapping[What, tuple[str, str, str]] = {
    "mode": ("modes", "availableModes", "currentModeId"),
    "model": ("models", "availableModels", "currentModelId"),
}
_MOST = 1_000


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to choose. id: how the agent names it."""

    id: str
    name: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is to choose from. option: the id of the agent's setting; '' where it is set by a call of its own."""

    what: What
    current: str
    available: tuple[Choice, ...]
    option: str = ""

    def find(self, *wanted: str) -> str | None:
        """The first of the wanted ones that there is, by id or name."""
        known = {one.name.lower(): one.id for one in reversed(self.available)}
        known |= {one.id.lower(): one.id for one in reversed(self.available)}
        return next((known[word.lower()] for word in wanted if word.lower() in known), None)


def names_of(choices: Choices | None) -> tuple[str, ...]:
    """The ids of what there is to choose, the current one first."""
    if choices is None:
        return ()
    names = [one.id for one in choices.available]
    return tuple(dict.fromkeys([choices.current, *names] if choices.current in names else names))


def read_choices(answer: Mapping[str, Any], what: What) -> Choices | None:
    """What the answer to a new or loaded session offers; None where the agent has no such thing."""
    for setting in objects(answer.get("configOptions")):
        if setting.get("category") == what or setting.get("id") == what:
            available = tuple(islice(_flat(setting.get("options")), _MOST))
            if available:
                return Choices(what, text(setting.get("currentValue")), available, text(setting.get("id")))
    key, listed, current = _KEYS[what]
    available = tuple(islice(_flat(member(answer, key, listed)), _MOST))
    return Choices(what, text(member(answer, key, current)), available) if available else None


def _flat(options: Any) -> Iterator[Choice]:
    """Choices of a list, some of which may be groups."""
    for one in objects(options):
        for option in objects(one["options"]) if isinstance(one.get("options"), list) else [one]:
            if identifier := first_text(option, "value", "id", "modelId"):
                yield Choice(identifier, text(option.get("name")), text(option.get("description")))


Send = Callable[[str, dict[str, Any]], Awaitable[Any]]


async def choose(choices: Choices, wanted: str, session: str, send: Send) -> None:
    """Set what was chosen. send: a request of a method with its parameters."""
    if wanted == choices.current:
        return
    if choices.option:
        await send("session/set_config_option", {"sessionId": session, "configId": choices.option, "value": wanted})
    elif choices.what == "mode":
        await send("session/set_mode", {"sessionId": session, "modeId": wanted})
    else:
        await send("session/set_model", {"sessionId": session, "modelId": wanted})


def required(agent: str, choices: Choices | None, what: What, wanted: str) -> str:
    """The id of what the person configured. Raises AgentError that says what there is."""
    found = None if choices is None else choices.find(wanted)
    if found is not None:
        return found
    if choices is None:
        raise AgentError(f"The agent '{agent}' has no {what} to choose. Add it anew without '--{what}'.")
    there = ", ".join(one.id for one in choices.available[:20])
    raise AgentError(f"The agent '{agent}' has no {what} '{wanted}'. There are: {there}.")
