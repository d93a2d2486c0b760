"""Where the policies of this device are kept: a local setting, which is never synced."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from app.agents.backend import ReadPolicies, SessionContext
from app.agents.permission import Policy
from app.agents.policies import SETTING, PolicyRule, about, read_rules, stored_rules, with_rule
from app.sessions.queries import Queries

if TYPE_CHECKING:
    from app.sessions.operations import SessionOperations

T = TypeVar("T")


class Store(Protocol):
    """What is needed of `app.workspace.Workspace`."""

    def read_async(self, query: Callable[[Queries], T], /) -> Awaitable[T]: ...


def kept_rules(queries: Queries) -> tuple[PolicyRule, ...]:
    """The policies, oldest first."""
    return read_rules(queries.setting(SETTING))


def add_rule(operations: SessionOperations, rule: PolicyRule) -> None:
    """Keep one more; it takes the place of one about the same. Raises UserError when it cannot be one."""
    operations.change_setting(SETTING, lambda stored: stored_rules(with_rule(read_rules(stored), rule)))


def remove_rule(operations: SessionOperations, rule: PolicyRule) -> bool:
    """Forget one; gives whether it was there."""
    gone: list[PolicyRule] = []

    def without(stored: object) -> object:
        rules = read_rules(stored)
        gone.extend(one for one in rules if about(one) == about(rule))
        return stored_rules(one for one in rules if about(one) != about(rule))

    operations.change_setting(SETTING, without)
    return bool(gone)


async def as_now(policy: Policy, read: ReadPolicies | None) -> Policy:
    """A policy with the policies of this device as they are at this moment; without `read` with its own."""
    return policy if read is None else replace(policy, rules=await read())


def with_policies(context: SessionContext, store: Store, workspace: str) -> SessionContext:
    """The context of an agent that works in a workspace (its id), held to the policies as they are at each call."""

    async def now() -> tuple[PolicyRule, ...]:
        return await store.read_async(kept_rules)

    return replace(context, policies=now, policy=replace(context.policy, workspace=workspace))
