"""YAML text as a tree that knows where everything stands. Safe: nothing is constructed, everything is bounded.

Scalars keep the text they were written with, so that `no`, `on` or `1.10` are never changed into something else; what
a field makes of it is for `reading`. Tags are refused. An alias stands for a copy, and copies count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.agents.workflow.problems import Problem

MAX_BYTES = 256 * 1024
MAX_DEPTH = 40
MAX_NODES = 20_000
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Scalar:
    """plain: written without quotes, so that it may be meant as a number or a truth value."""

    text: str
    plain: bool
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Node, ...]
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Pairs:
    """A mapping; its keys are all different."""

    pairs: tuple[tuple[Scalar, Node], ...]
    line: int
    column: int


Node = Scalar | Items | Pairs


class BadYaml(Exception):
    """The text cannot be read as YAML, or is more than a workflow may be."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.problem = Problem(line, column, "", message)


def read_tree(text: str) -> Node:
    """The one document of a text. Raises BadYaml."""
    import yaml

    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise BadYaml(f"The file is larger than {MAX_BYTES // 1024} KiB, which is the most a workflow may be.")
    if (found := _CONTROL.search(text)) is not None:
        line = text.count("\n", 0, found.start()) + 1
        raise BadYaml(f"There is a control character (U+{ord(found.group()):04X}), which YAML does not allow.", line)
    try:
        return _Builder(yaml.parse(text, Loader=yaml.SafeLoader)).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise BadYaml(_sentence(error.problem or "it cannot be read", error.context), line, column) from error
    except yaml.YAMLError as error:
        raise BadYaml(f"This is not YAML: {' '.join(str(error).split())}.") from error
    except (ValueError, OverflowError) as error:  # such as an escape beyond Unicode
        raise BadYaml(f"This is not YAML: {error}.") from error


def _sentence(problem: str, context: str | None) -> str:
    where = f" ({context})" if context else ""
    hint = ""
    if "mapping values are not allowed" in problem:
        hint = " A text with ': ' in it must be in quotes, or stand below a '|'."
    elif "cannot start any token" in problem:
        hint = " A text that begins with such a character must be in quotes; indent with spaces, not tabs."
    elif "flow" in (context or ""):
        hint = " Inside of { } and [ ] a text with such characters must be in quotes."
    return f"This is not YAML: {problem}{where}.{hint}"


class _Builder:
    """Builds the tree from the parser's events, so that depth and number are bounded before anything is kept."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._open: set[str] = set()
        self._nodes = 0

    def document(self) -> Node:
        import yaml

        next(self._events)
        first = next(self._events)
        if not isinstance(first, yaml.DocumentStartEvent):
            raise BadYaml("The file is empty. A workflow needs at least 'name' and 'steps'.")
        root = self._node(next(self._events), 1)
        next(self._events)
        following = next(self._events)
        if isinstance(following, yaml.DocumentStartEvent):
            mark = following.start_mark
            line = mark.line + 1 if mark else 1
            raise BadYaml("A second document begins here ('---'); a file holds one workflow.", line)
        return root

    def _node(self, event: Any, depth: int) -> Node:
        import yaml

        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor or "", line, column)
        if event.tag is not None:
            raise BadYaml(f"Tags such as {event.tag} are not used in workflows. Leave it out.", line, column)
        if depth > MAX_DEPTH:
            raise BadYaml(f"This is nested more than {MAX_DEPTH} levels deep.", line, column)
        self._count(1, line, column)
        before = self._nodes
        if event.anchor is not None:
            self._open.add(event.anchor)
        node = self._collection(event, depth, line, column)
        if event.anchor is not None:
            self._open.discard(event.anchor)
            self._anchors[event.anchor] = (node, self._nodes - before + 1)
        return node

    def _alias(self, anchor: str, line: int, column: int) -> Node:
        if anchor in self._open:
            raise BadYaml(f"The alias *{anchor} stands inside of what it names.", line, column)
        if anchor not in self._anchors:
            raise BadYaml(f"There is no anchor &{anchor} before this alias.", line, column)
        node, size = self._anchors[anchor]
        self._count(size, line, column)
        return node

    def _count(self, number: int, line: int, column: int) -> None:
        self._nodes += number
        if self._nodes > MAX_NODES:
            raise BadYaml(f"The file holds more than {MAX_NODES} values, with those that aliases repeat.", line, column)

    def _collection(self, event: Any, depth: int, line: int, column: int) -> Node:
        import yaml

        if isinstance(event, yaml.ScalarEvent):
            return Scalar(event.value, event.style is None, line, column)
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Node] = []
            while not isinstance(following := next(self._events), yaml.SequenceEndEvent):
                items.append(self._node(following, depth + 1))
            return Items(tuple(items), line, column)
        return self._pairs(depth, line, column)

    def _pairs(self, depth: int, line: int, column: int) -> Pairs:
        import yaml

        pairs: list[tuple[Scalar, Node]] = []
        seen: dict[str, int] = {}
        while not isinstance(following := next(self._events), yaml.MappingEndEvent):
            key = self._node(following, depth + 1)
            if not isinstance(key, Scalar):
                raise BadYaml("A key must be a plain word.", key.line, key.column)
            if key.text in seen:
                first = seen[key.text]
                raise BadYaml(f"The key '{key.text}' stands here again; it was first in line {first}.", key.line)
            seen[key.text] = key.line
            pairs.append((key, self._node(next(self._events), depth + 1)))
        return Pairs(tuple(pairs), line, column)
