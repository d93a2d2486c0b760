"""What a turn of an external agent costs: tokens and money, however the agent counts them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from app.agents.acp.normalising import Plain
from app.agents.acp.values import member
from app.agents.limits import LimitReached
from app.sessions.events import Usage


class Spending:
    """One turn. limit: tokens of the rules."""

    def __init__(self, agent: Plain, limit: int) -> None:
        self._agent = agent
        self._limit = limit
        self._sum = Usage()
        self._before: Usage | None = None
        self._total: Usage | None = None
        self._cost_before: float | None = None
        self._cost: float | None = None

    def begin(self, total: Usage | None, cost: float | None) -> None:
        """What the whole session had used before the turn."""
        self._before, self._cost_before = total, cost

    def see(self, update: Mapping[str, Any]) -> None:
        """An update, whatever it tells. Raises LimitReached."""
        if (spent := self._agent.spent(update)) is not None:
            self._sum = _combine(self._sum, spent, 1)
        if (total := self._agent.total(update)) is not None:
            self._total = total
        if (cost := session_cost(update)) is not None:
            self._cost = cost
        used = self._known()
        if used.input + used.output > self._limit:
            raise LimitReached(f"The agent has used the {self._limit} tokens that its rules give it.")

    def answered(self, answer: Mapping[str, Any]) -> None:
        """The answer to the prompt."""
        usage = self._agent.usage(answer)
        if usage is not None and self._agent.usage_is_total:
            self._total = usage
        elif usage is not None:
            self._sum = usage

    def of_turn(self) -> Usage | None:
        """The event; None where the agent says nothing of it."""
        used = self._known()
        cost = None if self._cost is None else max(0.0, self._cost - (self._cost_before or 0.0))
        if not (used.input or used.output or cost):
            return None
        return msgspec.structs.replace(used, cost=cost or None)

    def _known(self) -> Usage:
        return self._sum if self._total is None else _combine(self._total, self._before or Usage(), -1)


def session_cost(update: Mapping[str, Any]) -> float | None:
    """What the session has cost, in US dollars, where an update tells it."""
    amount, currency = member(update, "cost", "amount"), member(update, "cost", "currency")
    if update.get("sessionUpdate") != "usage_update" or currency != "USD" or isinstance(amount, bool):
        return None
    return float(amount) if isinstance(amount, int | float) and 0 <= amount < 1e9 else None


def _combine(one: Usage, other: Usage, sign: int) -> Usage:
    read = (one.cache_read or 0) + sign * (other.cache_read or 0)
    written = (one.cache_write or 0) + sign * (other.cache_write or 0)
    return Usage(
        input=max(0, one.input + sign * other.input),
        output=max(0, one.output + sign * other.output),
        cache_read=max(0, read) or None,
        cache_write=max(0, written) or None,
    )
