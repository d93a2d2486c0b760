"""Which keys do what: the defaults of all commands, changed by what the person chose.

What the person chose is the local setting `window.shortcuts`, {command id: [keys]}: keys in Qt's portable form, an
empty list takes the keys away. Ids that this version does not know stay in the setting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Keys = Mapping[str, Sequence[str]]
"""Command id → its keys; the first are shown in menus."""

_MODIFIERS = ("Meta", "Ctrl", "Alt", "Shift")


def default_shortcuts() -> dict[str, tuple[str, ...]]:
    """The keys that every command has until the person changes them, in the order of menu and palette."""
    from app.commands import registry, window

    keys = {command.id: (command.shortcut,) if command.shortcut else () for command in registry.COMMANDS}
    return keys | {command.id: command.shortcuts for command in window.COMMANDS}


def claims(defaults: Keys, chosen: Any) -> dict[str, tuple[str, ...]]:
    """The keys that each command asks for. chosen: the setting; what makes no sense in it is passed over."""
    overrides = _overrides(chosen)
    return {command: overrides.get(command, _canonical_all(keys)) for command, keys in defaults.items()}


def effective_shortcuts(defaults: Keys, chosen: Any) -> dict[str, tuple[str, ...]]:
    """The keys in force: no key belongs to two commands. Commands that the person gave keys come first, then the order
    of the table."""
    wanted, overrides = claims(defaults, chosen), _overrides(chosen)
    owners: dict[str, str] = {}
    for command in sorted(wanted, key=lambda command: command not in overrides):
        for keys in wanted[command]:
            owners.setdefault(keys, command)
    return {command: tuple(k for k in keys if owners[k] == command) for command, keys in wanted.items()}


def conflicts(wanted: Keys) -> dict[str, tuple[str, ...]]:
    """Keys that several commands ask for (as `claims` gives them), with these commands."""
    claimants: dict[str, list[str]] = {}
    for command, all_keys in wanted.items():
        for keys in dict.fromkeys(all_keys):
            claimants.setdefault(keys, []).append(command)
    return {keys: tuple(commands) for keys, commands in claimants.items() if len(commands) > 1}


def with_shortcut(defaults: Keys, chosen: Any, command: str, keys: Sequence[str] | None) -> dict[str, list[str]]:
    """The setting after a command was given these keys; None, or its default keys: it has its defaults again."""
    changed = {id: list(old) for id, old in _overrides(chosen).items()}
    changed.pop(command, None)
    if keys is not None and _canonical_all(keys) != _canonical_all(defaults.get(command, ())):
        changed[command] = list(_canonical_all(keys))
    return changed


def canonical(keys: str) -> str:
    """Keys as Qt writes them in its portable form: modifiers in its order, chords after a comma and a space."""
    return ", ".join(_canonical_chord(chord) for chord in keys.split(", "))


def _canonical_chord(chord: str) -> str:
    head, plus, key = chord.strip().rpartition("+")
    if not key and plus:  # the key is the plus sign itself
        head, key = head.removesuffix("+"), "+"
    held = {part.strip().capitalize() for part in head.split("+") if part.strip()}
    order = [name for name in _MODIFIERS if name in held] + sorted(held.difference(_MODIFIERS))
    return "+".join((*order, key if len(key) > 1 else key.upper()))


def _canonical_all(keys: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(canonical(one) for one in keys if one.strip()))


def _overrides(chosen: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(chosen, Mapping):
        return {}
    return {
        command: _canonical_all(keys)
        for command, keys in chosen.items()
        if isinstance(command, str) and isinstance(keys, list | tuple) and all(isinstance(one, str) for one in keys)
    }
