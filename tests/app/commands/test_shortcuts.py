import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.commands.shortcuts import (
    canonical,
    claims,
    conflicts,
    default_shortcuts,
    effective_shortcuts,
    with_shortcut,
)

DEFAULTS = {"a.new": ("Ctrl+N",), "a.send": ("Ctrl+Return", "Ctrl+Enter"), "a.none": (), "a.find": ("Ctrl+F",)}
some_keys = st.lists(st.sampled_from(["Ctrl+N", "Ctrl+F", "Ctrl+Return", "F2", "Alt+Up", "shift+ctrl+n"]), max_size=3)
settings = st.dictionaries(st.sampled_from([*DEFAULTS, "b.unknown"]), some_keys)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


def test_all_commands_are_there_and_the_defaults_do_not_collide() -> None:
    defaults = default_shortcuts()
    assert defaults["session.new"] == ("Ctrl+N",)
    assert defaults["conversation.send"] == ("Ctrl+Return", "Ctrl+Enter")
    assert defaults["workspace.create"] == ()
    assert conflicts(claims(defaults, None)) == {}
    assert effective_shortcuts(defaults, None) == defaults


def test_what_the_person_chose_replaces_the_default() -> None:
    keys = effective_shortcuts(DEFAULTS, {"a.new": ["Ctrl+Alt+N"], "a.find": [], "gone.command": ["F9"]})
    assert keys == {"a.new": ("Ctrl+Alt+N",), "a.send": ("Ctrl+Return", "Ctrl+Enter"), "a.none": (), "a.find": ()}


def test_a_key_that_two_want_goes_to_the_one_that_the_person_gave_it() -> None:
    chosen = {"a.find": ["Ctrl+N"]}
    assert conflicts(claims(DEFAULTS, chosen)) == {"Ctrl+N": ("a.new", "a.find")}
    keys = effective_shortcuts(DEFAULTS, chosen)
    assert keys["a.find"] == ("Ctrl+N",) and keys["a.new"] == ()


@pytest.mark.parametrize(
    ("written", "canon"),
    [
        ("Ctrl+N", "Ctrl+N"),
        ("shift+ctrl+n", "Ctrl+Shift+N"),
        ("Ctrl++", "Ctrl++"),
        ("+", "+"),
        ("Ctrl+,", "Ctrl+,"),
        ("Ctrl+K, Ctrl+S", "Ctrl+K, Ctrl+S"),
        ("Meta+Alt+PgDown", "Meta+Alt+PgDown"),
        ("F2", "F2"),
        ("a", "A"),
    ],
)
def test_canonical(written: str, canon: str) -> None:
    assert canonical(written) == canon
    assert canonical(canon) == canon


def test_the_setting_after_a_change() -> None:
    assert with_shortcut(DEFAULTS, None, "a.new", ["F5"]) == {"a.new": ["F5"]}
    assert with_shortcut(DEFAULTS, {"a.new": ["F5"], "x.y": ["F6"]}, "a.new", ["ctrl+n"]) == {"x.y": ["F6"]}
    assert with_shortcut(DEFAULTS, {"a.new": ["F5"]}, "a.new", None) == {}
    assert with_shortcut(DEFAULTS, {}, "a.new", []) == {"a.new": []}


@given(settings)
def test_no_key_has_two_commands_and_none_is_lost(chosen: dict[str, list[str]]) -> None:
    wanted, keys = claims(DEFAULTS, chosen), effective_shortcuts(DEFAULTS, chosen)
    assert list(keys) == list(DEFAULTS)
    assert conflicts(keys) == {}
    assert {k for some in wanted.values() for k in some} == {k for some in keys.values() for k in some}


@given(settings, st.sampled_from(list(DEFAULTS)), some_keys)
def test_a_change_takes_effect_and_goes_through_json(chosen: Any, command: str, keys: list[str]) -> None:
    changed = json.loads(json.dumps(with_shortcut(DEFAULTS, chosen, command, keys)))
    assert claims(DEFAULTS, changed)[command] == tuple(dict.fromkeys(map(canonical, keys)))
    others = {id: claims(DEFAULTS, chosen)[id] for id in DEFAULTS if id != command}
    assert others == {id: claims(DEFAULTS, changed)[id] for id in others}


@given(anything)
def test_nonsense_in_the_setting_is_passed_over(chosen: Any) -> None:
    assert set(effective_shortcuts(DEFAULTS, chosen)) == set(DEFAULTS)
