"""Policies decide: never first, then what says most; and a command that is allowed is that command and no other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.agents.command_line import plain_command, simple_commands
from app.agents.permission import GROUPS, Policy, decide
from app.agents.policies import (
    Act,
    PolicyRule,
    about,
    checked,
    fits,
    judge,
    read_rules,
    stored_rules,
    suggested_rule,
    with_rule,
)
from app.errors import UserError

PROGRAMS = ("git", "rm", "touch", "status")
PIECES = st.sampled_from(
    [
        *(
            "git",
            "status",
            "git status",
            "rm",
            "rm -rf x",
            "touch y",
            "-s",
            "a b",
            "#",
            "x=1",
            "/bin/rm",
            "~",
            "*",
            "!",
        ),
        *(" ", " ", " ", ";", "&", "&&", "|", "||", "\n", "\r", "\t", "(", ")", "{", "}", "<", ">", ">>", "2>", "<<<"),
        *("$(", "`", "$", "${IFS}", "$'", "'", '"', "\\", "\\\n", "\u00a0", "\u2028", "\x0b", "\x00", "é"),
    ]
)
LINES = st.lists(PIECES, max_size=7).map("".join)


def rule(ruling: str = "allow", **parts: object) -> PolicyRule:
    return PolicyRule(ruling=ruling, **parts)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with programs that only note that they were started."""
    folder = tmp_path_factory.mktemp("programs")
    for name in PROGRAMS:
        (folder / name).write_text(f'#!/bin/sh\necho {name} >> "{folder}/started"\n')
        (folder / name).chmod(0o755)
    return folder


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")
@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=5).map(lambda rest: "git status" + "".join(rest)))
@example("git status; rm -rf x")
@example("git status && rm x")
@example("git status > x")
@example("git status $(touch y)")
@example("git status `touch y`")
@example("git status\nrm x")
@example("git status 'a;b'")
def test_what_is_allowed_starts_that_program_alone_and_writes_nothing(shell: Path, line: str) -> None:
    if not fits(rule(command="git status"), Act("run", line)):
        return
    started, place = shell / "started", shell / "place"
    place.mkdir(exist_ok=True)
    started.write_text("")
    done = subprocess.run(
        ["/bin/sh", "-c", line], cwd=place, env={"PATH": str(shell)}, capture_output=True, check=False
    )
    assert started.read_text() == "git\n", (line, done)
    assert not os.listdir(place)


@given(LINES)
def test_a_plain_line_is_one_command_for_both_readers(line: str) -> None:
    words = plain_command(line)
    if words is not None:
        assert simple_commands(line) == [words]


@pytest.mark.parametrize(
    "line",
    [
        "git status; rm -rf x",
        "git status & rm x",
        "git status > f",
        "git status $X",
        "X=1 git status",
        "git  push",
        "",
        "env git status",
        "(git status)",
        "git status\nrm",
        "/tmp/git status",
        "git 'status",
        "gitstatus",
        "sudo git status",
    ],
)
def test_what_is_not_allowed_by_a_prefix(line: str) -> None:
    assert not fits(rule(command="git status"), Act("run", line))


@pytest.mark.parametrize("line", ["git status", "git status -s", 'git "status" a\\ b', "  git   status  --short"])
def test_what_is_allowed_by_a_prefix(line: str) -> None:
    assert fits(rule(command="git status"), Act("run", line))


def test_a_whole_line_allows_no_more_words() -> None:
    whole = rule(command="rm -rf build", whole=True)
    assert fits(whole, Act("run", "rm  -rf build"))
    assert not fits(whole, Act("run", "rm -rf build /home"))


@pytest.mark.parametrize(
    "line",
    [
        "rm x",
        "ls; rm x",
        "ls && /bin/rm -rf x",
        "find . -exec rm {} +",
        "sudo rm x",
        "sh -c 'rm x'",
        "echo $(rm x)",
        "xargs rm < list",
        "ls | xargs rm",
        "`rm x`",
        "true\nrm x",
    ],
)
def test_never_is_not_got_round(line: str) -> None:
    found = judge([rule("never", command="rm"), rule(tool="run", workspace="w")], Act("run", line), "w")
    assert found is not None and found.ruling == "never"


@pytest.mark.parametrize(
    "line", ["$X y", "eval $Y", "r$()m x", "a`b`c", "git -c alias.x='!rm y' x", "python3 -c \"os.system('rm x')\""]
)
def test_what_may_hide_something_is_asked(line: str) -> None:
    rules = [rule("never", command="rm"), rule(tool="run")]
    found = judge(rules, Act("run", line))
    assert found is not None and found.ruling == "ask"


def test_programs_that_start_others_can_be_forbidden_but_not_allowed() -> None:
    never = checked(rule("never", command="sudo"))
    for line in ("sudo ls", "ls; sudo -u x ls", "/usr/bin/sudo ls"):
        assert judge([never], Act("run", line)) == never
    with pytest.raises(UserError, match="starts another one"):
        checked(rule(command="sudo"))


def test_harmless_lines_are_not_taken_for_what_is_never_to_run() -> None:
    assert judge([rule("never", command="rm")], Act("run", "ls form")) is None
    assert judge([rule("never", command="git push")], Act("run", "git status; git pull")) is None


RULES = st.builds(
    PolicyRule,
    ruling=st.sampled_from(["allow", "ask", "never"]),
    tool=st.none() | st.sampled_from(["run", "write", "w*", "*"]),
    command=st.none() | st.sampled_from(["git", "git status", "rm"]),
    whole=st.booleans(),
    path=st.none() | st.sampled_from(["docs", "docs/**", "docs/a.md", "*.env"]),
    workspace=st.none() | st.sampled_from(["w", "v"]),
)
ACTS = st.builds(
    Act,
    st.sampled_from(["run", "write", "read"]),
    st.none() | LINES | st.sampled_from(["git status", "rm x", "git push"]),
    st.none() | st.sampled_from(["docs/a.md", "DOCS/a.md", "src/a.py", "x.env"]),
)


@given(st.lists(RULES, max_size=6), ACTS, st.randoms())
def test_never_wins_then_what_says_more_and_order_says_nothing(rules: list[PolicyRule], act: Act, random) -> None:  # type: ignore[no-untyped-def]
    found = judge(rules, act, "w")
    here = [one for one in rules if one.workspace in (None, "w") and fits(one, act)]
    if any(one.ruling == "never" for one in here):
        assert found is not None and found.ruling == "never"
    elif found is not None and found in here:
        same = [one for one in here if about(one) == about(found)]
        assert found.ruling == "ask" or all(one.ruling == "allow" for one in same)
    elif found is None:
        assert not here
    shuffled = list(rules)
    random.shuffle(shuffled)
    again = judge(shuffled, act, "w")
    assert (again and again.ruling) == (found and found.ruling)


@given(st.lists(RULES, max_size=5), ACTS, st.booleans(), st.frozensets(st.sampled_from(sorted(GROUPS))))
def test_a_policy_decides_before_everything_else(
    rules: list[PolicyRule], act: Act, asks: bool, allowed: frozenset[str]
) -> None:
    policy = Policy(asks=asks, allowed=allowed, rules=tuple(rules), workspace="w")  # type: ignore[arg-type]
    arguments = {} if act.command is None else {"command": act.command}
    found = judge(rules, act, "w")
    decision = decide(policy, act.tool, "execute" if act.command else "edit", arguments, act.path)
    if found is not None:
        assert decision == {"allow": "allow", "never": "deny", "ask": "ask" if asks else "deny"}[found.ruling]
    else:
        plain = Policy(asks=asks, allowed=allowed)  # type: ignore[arg-type]
        assert decision == decide(plain, act.tool, "execute" if act.command else "edit", arguments)


def test_the_more_particular_policy_counts() -> None:
    rules = [rule("ask", command="git"), rule(command="git status"), rule("ask", command="git status", workspace="v")]
    assert judge(rules, Act("run", "git status"), "w") == rules[1]
    assert judge(rules, Act("run", "git push"), "w") == rules[0]
    assert judge(rules, Act("run", "git status"), "v") == rules[2]
    paths = [rule(path="docs"), rule("ask", path="docs/secret")]
    assert judge(paths, Act("write", path="docs/secret/a")) == paths[1]
    assert judge(paths, Act("write", path="docs/a")) == paths[0]
    assert judge(paths, Act("write", path="docsecret")) is None


def test_a_session_grant_of_a_program_does_not_answer_what_is_to_be_asked() -> None:
    policy = Policy(asks=True, granted=frozenset({"program run git"}), rules=(rule("ask", command="git push"),))
    assert decide(policy, "run", "execute", {"command": "git push"}) == "ask"
    assert decide(policy, "run", "execute", {"command": "git status"}) == "allow"


@pytest.mark.parametrize(
    ("line", "command", "whole"),
    [
        ("git status -s", "git status", False),
        ("ls -la src", "ls", False),
        ("rm -rf build", "rm -rf build", True),
        ("npm run build", "npm run build", True),
        ("git --version", "git --version", True),
        ("python3 a.py", "python3 a.py", True),
    ],
)
def test_as_little_as_is_useful_is_suggested(line: str, command: str, whole: bool) -> None:
    assert suggested_rule("run", {"command": line}, "w") == rule(
        tool="run", command=command, whole=whole, workspace="w"
    )


def test_no_policy_is_made_of_a_secret() -> None:
    assert suggested_rule("run", {"command": "deploy --key ‹secret 1›"}, "w") is None


@given(LINES)
def test_what_is_suggested_fits_and_can_be_kept(line: str) -> None:
    made = suggested_rule("run", {"command": line}, "w")
    if made is None:
        assert plain_command(line) is None
    else:
        assert fits(checked(made), Act("run", line))


def test_what_could_never_fit_is_refused() -> None:
    for bad in ({}, {"command": "git status; rm"}, {"command": "sudo rm"}, {"path": "../x"}, {"path": "/etc/**"}):
        with pytest.raises(UserError):
            checked(rule(**bad))


def test_policies_are_kept_and_one_about_the_same_is_replaced() -> None:
    first = with_rule((), rule(command="git status"))
    both = with_rule(first, rule("never", tool="write", path=".env"))
    assert read_rules(stored_rules(both)) == both
    changed = with_rule(both, rule("ask", command="git status"))
    assert [one.ruling for one in changed] == ["never", "ask"]
    assert read_rules(None) == () and stored_rules(()) is None
    [doubt] = read_rules([{"ruling": "hologram"}])
    assert judge([doubt], Act("read")) == doubt and doubt.ruling == "ask"
