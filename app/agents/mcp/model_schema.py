"""A tool's schema as models are given it: of bounded size, in one piece, with nothing that a provider chokes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

MOST_CHARACTERS = 12_000
_DEPTH, _NODES, _ITEMS = 12, 4_000, 1_000
_LEFT_OUT = frozenset({"$schema", "$id", "$defs", "definitions", "$comment", "examples", "title"})
_PLAIN: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": True}


def model_schema(schema: Any) -> tuple[dict[str, Any], str]:
    """The schema, and what to say where it had to be left out."""
    made = _Inlining(schema).made()
    if isinstance(made, dict) and made.get("type") == "object" and isinstance(made.get("properties", {}), dict):
        made.setdefault("properties", {})
        if len(json.dumps(made, default=str)) <= MOST_CHARACTERS:
            return made, ""
    names = list(schema.get("properties", {}))[:50] if _has_properties(schema) else []
    given = f" Its fields: {', '.join(map(str, names))}." if names else ""
    return dict(_PLAIN), f"(The schema of its arguments is too large or malformed.{given})"[:2_000]


def _has_properties(schema: Any) -> bool:
    return isinstance(schema, Mapping) and isinstance(schema.get("properties"), Mapping)


class _Inlining:
    """Makes a copy of a schema with references put in their place.

    Where these go in circles, or too deep, or all becomes too much, anything is allowed.
    """

    def __init__(self, root: Any) -> None:
        self._root = root
        self._left = _NODES

    def made(self) -> Any:
        """The copy."""
        return self._copy(self._root, _DEPTH, ())

    def _copy(self, value: Any, depth: int, following: tuple[str, ...]) -> Any:
        self._left -= 1
        if depth <= 0 or self._left <= 0:
            return {}
        if isinstance(value, list):
            return [self._copy(one, depth - 1, following) for one in value[:_ITEMS]]
        if not isinstance(value, Mapping):
            return value
        reference = value.get("$ref")
        if isinstance(reference, str):
            rest = {key: one for key, one in value.items() if key != "$ref"}
            target = None if reference in following else _target(reference, self._root)
            merged = {**target, **rest} if isinstance(target, Mapping) else rest
            return self._copy(merged, depth - 1, (*following, reference))
        made: dict[str, Any] = {}
        for key, one in value.items():
            if key == "properties" and isinstance(one, Mapping):  # names of fields, not keywords
                made[key] = {str(name): self._copy(inner, depth - 1, following) for name, inner in one.items()}
            elif key not in _LEFT_OUT:
                made[str(key)] = self._copy(one, depth - 1, following)
        return made


def _target(reference: str, root: Any) -> Any:
    found = root
    for part in reference.removeprefix("#/").split("/") if reference.startswith("#/") else ["?"]:
        found = found.get(part) if isinstance(found, Mapping) else None
    return found
