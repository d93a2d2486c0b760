"""From the YAML tree to the model, by the types of the model itself. Pure; finds every problem, not only the first."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from msgspec import inspect

from app.agents.workflow.model import KINDS, Step, Workflow
from app.agents.workflow.problems import Problem, meant
from app.agents.workflow.tree import Items, Node, Pairs, Scalar

_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_TRUTH_OF_OLD = frozenset("yes no on off y n".split())
_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_WHOLE = re.compile(r"[-+]?[0-9]{1,18}\Z")
_NUMBER = re.compile(r"[-+]?(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})\Z")
_NAME_RULE = "letters, digits and '_', not beginning with a digit"
_FAILED = object()
Place = tuple[int, int]


@dataclass(slots=True)
class Reading:
    """What was read. places: line and column of each field, by its path.

    workflow: where there are problems, what could be read of it, so that it can be checked all the same: a step that
    cannot be read is a bare `Step`, other fields are left out. None where there are no steps at all.
    """

    workflow: Workflow | None = None
    problems: list[Problem] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)


def read_workflow(root: Node) -> Reading:
    """The workflow that a tree holds."""
    reader = _Reader()
    value = reader.value(_type_of(Workflow), root, "")
    reader.reading.workflow = value if isinstance(value, Workflow) else None
    return reader.reading


@cache
def _type_of(kind: type) -> inspect.StructType:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    return info


class _Reader:
    """Walks over tree and types together. A value that cannot be read is `_FAILED`, with a problem that says why."""

    def __init__(self) -> None:
        self.reading = Reading()

    def value(self, kind: inspect.Type, node: Node, path: str) -> Any:
        """The value of a type that a node holds."""
        self.reading.places.setdefault(path, (node.line, node.column))
        match kind:
            case inspect.UnionType(types=types):
                return self._one_of(types, node, path)
            case inspect.StructType(cls=cls):
                return self._step(node, path) if cls is Step else self._struct(kind, node, path)
            case inspect.DictType():
                return self._dict(kind, node, path)
            case inspect.VarTupleType():
                return self._tuple(kind, node, path)
        if not isinstance(node, Scalar):
            what = "a list" if isinstance(node, Items) else "a mapping"
            return self._wrong(node, path, f"Here must be {_said(kind)}, not {what}.")
        return self._scalar(kind, node, path)

    # scalars

    def _scalar(self, kind: inspect.Type, node: Scalar, path: str) -> Any:
        match kind:
            case inspect.StrType():
                return self._text(kind, node, path)
            case inspect.BoolType():
                return self._truth(node, path)
            case inspect.IntType() | inspect.FloatType():
                return self._number(kind, node, path)
        raise AssertionError(kind)

    def _text(self, kind: inspect.StrType, node: Scalar, path: str) -> Any:
        if node.plain and node.text in _NULL:
            return self._wrong(node, path, 'Here is nothing. Write a text, or "" for an empty one.')
        if kind.min_length and not node.text.strip():
            return self._wrong(node, path, "The text is empty.")
        if kind.max_length is not None and len(node.text) > kind.max_length:
            return self._wrong(node, path, f"The name is longer than {kind.max_length} characters.")
        if kind.pattern is not None and not re.search(kind.pattern.replace("$", r"\Z"), node.text):
            return self._wrong(node, path, f"'{_short(node.text)}' cannot be a name: use {_NAME_RULE}.")
        return node.text

    def _truth(self, node: Scalar, path: str) -> Any:
        if node.plain and node.text in _TRUTH:
            return _TRUTH[node.text]
        if node.text.lower() in _TRUTH_OF_OLD or node.text in _TRUTH:
            hint = "without quotes" if not node.plain else f"'{node.text}' is only a text here"
            return self._wrong(node, path, f"Write true or false: {hint}.")
        return self._wrong(node, path, f"Write true or false, not '{_short(node.text)}'.")

    def _number(self, kind: inspect.IntType | inspect.FloatType, node: Scalar, path: str) -> Any:
        pattern = _WHOLE if isinstance(kind, inspect.IntType) else _NUMBER
        if not (node.plain and pattern.match(node.text)):
            return self._wrong(node, path, f"Here must be {_said(kind)}, not '{_short(node.text)}'.")
        number = int(node.text) if isinstance(kind, inspect.IntType) else float(node.text)
        low, high = kind.ge if kind.ge is not None else -math.inf, kind.le if kind.le is not None else math.inf
        if not low <= number <= high or (kind.gt is not None and number <= kind.gt):
            return self._wrong(node, path, f"Here must be {_said(kind)}, not {node.text}.")
        return number

    # collections

    def _one_of(self, types: tuple[inspect.Type, ...], node: Node, path: str) -> Any:
        """The member of a union that has the form of the node."""
        forms = {
            Scalar: (inspect.StrType, inspect.IntType, inspect.FloatType, inspect.BoolType),
            Items: (inspect.VarTupleType,),
            Pairs: (inspect.StructType, inspect.DictType),
        }
        members = [one for one in types if not isinstance(one, inspect.NoneType)]
        chosen = next((one for one in members if isinstance(one, forms[type(node)])), members[0])
        if len(members) > 1 and not isinstance(chosen, forms[type(node)]):
            return self._wrong(node, path, f"Here must be {' or '.join(map(_said, members))}.")
        return self.value(chosen, node, path)

    def _dict(self, kind: inspect.DictType, node: Node, path: str) -> Any:
        if not isinstance(node, Pairs):
            return self._wrong(node, path, "Here must be a mapping of names to values.")
        found: dict[str, Any] = {}
        for key, inner in node.pairs:
            name = self.value(kind.key_type, key, f"{path}.{key.text}")
            given = self.value(kind.value_type, inner, f"{path}.{key.text}")
            if name is not _FAILED:
                found[name] = _stand_in(kind.value_type) if given is _FAILED else given
        return found

    def _tuple(self, kind: inspect.VarTupleType, node: Node, path: str) -> Any:
        if not isinstance(node, Items):
            return self._wrong(node, path, "Here must be a list: lines that begin with '- '.")
        if len(node.items) < (kind.min_length or 0):
            return self._wrong(node, path, "The list is empty.")
        if kind.max_length is not None and len(node.items) > kind.max_length:
            return self._wrong(node, path, f"The list has more than {kind.max_length} entries.")
        items = [self.value(kind.item_type, item, f"{path}[{n}]") for n, item in enumerate(node.items, 1)]
        return tuple(item for item in items if item is not _FAILED)

    def _step(self, node: Node, path: str) -> Any:
        if not isinstance(node, Pairs):
            self._wrong(node, path, f"A step is a mapping with one of {', '.join(KINDS)}.")
            return Step()
        named = [key.text for key, _ in node.pairs if key.text in KINDS]
        if len(named) != 1:
            keys = [key.text for key, _ in node.pairs]
            guess = next((hint for key in keys if (hint := meant(key, KINDS)).startswith(" Did")), "")
            count = "none" if not named else " and ".join(named)
            self._wrong(node, path, f"A step has one of {', '.join(KINDS)}; this has {count}.{guess}")
        step = self._struct(_type_of(KINDS[named[0]]), node, path) if len(named) == 1 else _FAILED
        if step is not _FAILED:
            return step
        ids = [inner.text for key, inner in node.pairs if key.text == "id" and isinstance(inner, Scalar)]
        return Step(id=ids[0] if ids else None)

    def _struct(self, kind: inspect.StructType, node: Node, path: str) -> Any:
        if not isinstance(node, Pairs):
            names = ", ".join(one.encode_name for one in kind.fields)
            return self._wrong(node, path, f"Here must be a mapping with some of {names}.")
        fields = {one.encode_name: one for one in kind.fields}
        values: dict[str, Any] = {}
        for key, inner in node.pairs:
            place = f"{path}.{key.text}" if path else key.text
            if key.text not in fields:
                self._wrong(key, place, f"'{_short(key.text)}' is not known here.{meant(key.text, fields)}")
                continue
            self.reading.places[place] = (key.line, key.column)
            values[fields[key.text].name] = self.value(fields[key.text].type, inner, place)
        for name, one in fields.items():
            if one.required and one.name not in values:
                self._wrong(node, path, f"'{name}' is missing.")
        known = {name: value for name, value in values.items() if value is not _FAILED}
        if kind.cls is Workflow:
            known.setdefault("name", "?")
        if any(one.required and one.name not in known for one in kind.fields):
            return _FAILED
        return kind.cls(**known)

    def _wrong(self, node: Node, path: str, message: str) -> Any:
        self.reading.problems.append(Problem(node.line, node.column, path, message))
        return _FAILED


def _stand_in(kind: inspect.Type) -> Any:
    """A value for a name whose own could not be read, so that references to the name are right."""
    return kind.cls() if isinstance(kind, inspect.StructType) else ""


def _said(kind: inspect.Type) -> str:
    """What a type is called in a sentence."""
    match kind:
        case inspect.StrType():
            return "a text"
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType() | inspect.FloatType():
            what = "a whole number" if isinstance(kind, inspect.IntType) else "a number"
            low = f" from {kind.ge}" if kind.ge is not None else f" above {kind.gt}" if kind.gt is not None else ""
            return what + low + (f" up to {kind.le}" if kind.le is not None else "")
        case inspect.VarTupleType():
            return "a list"
    return "a mapping"


def _short(text: str) -> str:
    """A text for a message, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:57] + "…"
