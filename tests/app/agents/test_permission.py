from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.agents.permission import GROUPS, Policy, decide, grant_keys, group_of, parse_allow, remember, replay
from app.errors import UserError
from app.sessions.events import PermissionAnswer, PermissionChoice, PermissionRequest, ToolKind

KINDS: list[ToolKind] = list(get_args(ToolKind))
kinds = st.sampled_from(KINDS)
arguments: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.text(), st.dictionaries(st.text(), st.text()), st.fixed_dictionaries({"command": st.text()})
)
policies = st.builds(
    Policy, asks=st.booleans(), allowed=st.frozensets(st.sampled_from(sorted(GROUPS))), granted=st.frozensets(st.text())
)


def request(name: str, kind: ToolKind, value: Any, request_id: str = "r") -> PermissionRequest:
    return PermissionRequest(request_id=request_id, call_id="c", name=name, title="", tool_kind=kind, input=value)


def answer(choice: PermissionChoice, request_id: str = "r") -> PermissionAnswer:
    return PermissionAnswer(request_id=request_id, answer=choice)


@given(policy=policies, name=st.text(), kind=kinds, value=arguments)
def test_nobody_is_asked_where_nobody_is(policy: Policy, name: str, kind: ToolKind, value: Any) -> None:
    assert decide(policy, name, kind, value) != ("deny" if policy.asks else "ask")


@given(name=st.text(), kind=kinds, value=arguments, asks=st.booleans())
def test_only_looking_needs_nobody(name: str, kind: ToolKind, value: Any, asks: bool) -> None:
    decision = decide(Policy(asks=asks), name, kind, value)
    assert (decision == "allow") == (kind in ("read", "search", "think"))


@given(policy=policies, name=st.text(), kind=kinds, value=arguments, choice=st.sampled_from(["once", "reject"]))
def test_once_and_reject_change_nothing(
    policy: Policy, name: str, kind: ToolKind, value: Any, choice: PermissionChoice
) -> None:
    assert remember(policy, request(name, kind, value), answer(choice)) == policy


@given(policy=policies, name=st.text(), kind=kinds, value=arguments)
def test_always_allows_the_same_again(policy: Policy, name: str, kind: ToolKind, value: Any) -> None:
    after = remember(policy, request(name, kind, value), answer("always"))
    assert decide(after, name, kind, value) == "allow"


@given(first=st.text(min_size=1), second=st.text(min_size=1))
def test_always_for_one_line_allows_another_that_starts_no_other_program(first: str, second: str) -> None:
    after = remember(Policy(asks=True), request("run", "execute", {"command": first}), answer("always"))
    allowed = decide(after, "run", "execute", {"command": second}) == "allow"
    granted = grant_keys("run", "execute", {"command": first})
    assert allowed == (grant_keys("run", "execute", {"command": second}) <= granted)


def test_always_is_for_the_programs_of_the_line() -> None:
    after = remember(Policy(asks=True), request("run", "execute", {"command": "git diff | head"}), answer("always"))
    assert decide(after, "run", "execute", {"command": "git status"}) == "allow"
    assert decide(after, "run", "execute", {"command": "git status; rm -rf ."}) == "ask"
    assert decide(after, "run", "execute", {"command": "git $(rm x)"}) == "ask"
    assert decide(after, "write", "edit", {"path": "a"}) == "ask"


def test_an_answer_to_another_request_grants_nothing() -> None:
    policy = Policy(asks=True)
    assert remember(policy, request("write", "edit", {}), answer("always", "other")) == policy
    assert replay(policy, [answer("always"), request("write", "edit", {})]) == policy


def test_replay_restores_what_was_granted() -> None:
    policy = replay(Policy(asks=True), [request("write", "edit", {}), answer("always")])
    assert decide(policy, "write", "edit", {"path": "b"}) == "allow"
    assert decide(policy, "edit", "edit", {"path": "b"}) == "ask"


def test_unknown_kinds_count_as_running() -> None:
    assert {kind for kind in KINDS if group_of(kind) == "run"} == {"execute", "fetch", "other"}


def test_allow_words() -> None:
    assert parse_allow(()) == {"read"}
    assert parse_allow(["edit,run"]) == {"read", "edit", "run"}
    assert parse_allow(["all"]) == GROUPS
    with pytest.raises(UserError, match="'everything'"):
        parse_allow(["everything"])
