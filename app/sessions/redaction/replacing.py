"""Puts placeholders in the place of secrets: in texts, in events, and in texts that are still growing.

A text without secrets comes back as it is, the same object; what stands in the place of a secret is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from operator import is_
from typing import Any, TypeVar

import msgspec

from app.sessions.events import AnyBody, BlobRef, Unknown
from app.sessions.redaction.finding import Span, find_secrets
from app.sessions.redaction.named_values import is_secret_value, kind_of_name

PLACEHOLDER = re.compile(r"‹secret (\d{1,9})›")
UNNUMBERED = "‹secret›"
"""What stands for a secret where none is numbered: in what is only said live, and in titles."""
LEAST = 6
"""Shorter texts are not looked at."""
Name = Callable[[str, str], str | None]
"""Takes a secret and its kind, gives what stands in its place; None where it is to stay."""

_KEPT = frozenset(
    "call_id request_id path cwd renamed_from before_hash after_hash hash target first last runner model language "
    "tool_kind".split()
)
"""Fields of events that name things and say nothing: replaced, they would no longer name them."""
Change = Callable[[str, str | None], str]
"""Takes a text and the name it stands under, gives the text to be in its place."""
Value = Callable[[int], str | None]
"""The secret of a number; None where it is not known."""
_T = TypeVar("_T", bound=msgspec.Struct)


def placeholder(number: int) -> str:
    """What stands in the place of a session's secret."""
    return f"‹secret {number}›"


def redacted(text: str, name: Name, *, diff: bool = False) -> str:
    """The text without secrets. diff: it is one, whose lines must stay as many as they are."""
    return replaced(text, find_secrets(text), name, diff=diff)


def replaced(text: str, spans: Sequence[Span], name: Name, *, diff: bool = False) -> str:
    """The text with names in the place of these spans."""
    pieces, at = [], 0
    for span in spans:
        value = text[span.start : span.end]
        lines = value.split("\n") if diff else [value]
        stand_in = name("\n".join([lines[0], *(line[1:] for line in lines[1:])]), span.kind)
        if stand_in is not None:
            pieces += [text[at : span.start], "\n".join([stand_in, *(line[:1] for line in lines[1:])])]
            at = span.end
    return "".join([*pieces, text[at:]]) if pieces else text


def unnumbered(text: str) -> str:
    """The text with all that is or was secret shown alike."""
    return PLACEHOLDER.sub(UNNUMBERED, redacted(text, lambda _value, _kind: UNNUMBERED))


def redacted_body(body: AnyBody, name: Name) -> AnyBody:
    """An event's body without secrets."""
    return changed_texts(body, lambda text, field: _redacted_field(text, field, name))


def _redacted_field(text: str, field: str | None, name: Name) -> str:
    if len(text) < LEAST:
        return text
    spans = find_secrets(text)
    kind = kind_of_name(field) if field is not None and not spans else None
    if kind is not None and is_secret_value(kind, text.encode("utf-8", "surrogatepass")):
        spans = [Span(0, len(text), kind)]
    return replaced(text, spans, name, diff=field == "diff")


def revealed_body(body: AnyBody, value: Value) -> AnyBody:
    """An event's body with secrets in the place of their placeholders, as far as they are known."""
    return changed_texts(body, lambda text, _field: revealed(text, value) if "‹" in text else text)


def revealed(text: str, value: Value) -> str:
    """A text with secrets in the place of their placeholders, as far as they are known."""

    def put_back(found: re.Match[str]) -> str:
        known = value(int(found[1]))
        return found[0] if known is None else known

    return PLACEHOLDER.sub(put_back, text)


def changed_texts(body: AnyBody, change: Change) -> AnyBody:
    """A body with all that is said in it changed; the same object where nothing does."""
    if isinstance(body, Unknown):
        fields = _value(body.fields, change, None)
        return body if fields is body.fields else Unknown(body.kind, fields)
    return _struct(body, change)


def _struct(value: _T, change: Change) -> _T:
    changed = {}
    for field in value.__struct_fields__:
        before = getattr(value, field)
        if field not in _KEPT and (after := _value(before, change, field)) is not before:
            changed[field] = after
    return msgspec.structs.replace(value, **changed) if changed else value


def _value(value: Any, change: Change, field: str | None) -> Any:
    """field: the name under which the value stands."""
    if isinstance(value, str):
        changed = change(value, field)
        return value if changed == value else changed
    if isinstance(value, dict):
        made = {key: _value(item, change, key) for key, item in value.items()}
        return value if all(map(is_, value.values(), made.values())) else made
    if isinstance(value, list | tuple):
        items = [_value(item, change, field) for item in value]
        return value if all(map(is_, value, items)) else type(value)(items)
    if isinstance(value, msgspec.Struct) and not isinstance(value, BlobRef):
        return _struct(value, change)
    return value
