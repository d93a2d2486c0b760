"""Events of every kind for property tests, generated from the vocabulary: a new kind is covered at once."""

from __future__ import annotations

import types
import typing
from typing import Any, Literal

import msgspec
from hypothesis import strategies as st

from app.sessions.bodies import MAX_TIME
from app.sessions.events import KINDS, KNOWN_KINDS, AnyBody, BlobRef, Body, Draft, Unknown

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
whole = st.integers(-(1 << 40), 1 << 40)
json_values = st.recursive(
    st.none() | st.booleans() | whole | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
_sizes = st.integers(0, 1 << 30)
_blob_ids = st.text("0123456789abcdef", min_size=64, max_size=64)


def of_type(hint: Any) -> st.SearchStrategy[Any]:
    """Values of an annotation in `events.py`."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (typing.Union, types.UnionType):
        return st.one_of(map(of_type, arguments))
    if origin is tuple:
        return st.lists(of_type(arguments[0]), max_size=2).map(tuple)
    if origin is dict:
        return st.dictionaries(text, of_type(arguments[1]), max_size=3)
    if hint is BlobRef:
        return st.builds(BlobRef, blob=_blob_ids, size=_sizes, name=st.none() | text)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _struct(hint)
    plain = {str: text, int: whole, bool: st.booleans(), type(None): st.none(), Any: json_values}
    return plain[hint] if hint in plain else st.floats(allow_nan=False, allow_infinity=False)


def _struct(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(kind)
    return st.builds(kind, **{name: of_type(hints[name]) for name in kind.__struct_fields__})


known_bodies: st.SearchStrategy[Body] = st.one_of([_struct(kind) for kind in KNOWN_KINDS])
_RESERVED = {"v", "time", "turn", "agent", "source", "kind", "blob", "restored"}
unknown_bodies = st.builds(
    Unknown,
    st.from_regex("[a-z_]{1,12}", fullmatch=True).filter(lambda kind: kind not in KINDS),
    st.dictionaries(text.filter(lambda key: key not in _RESERVED), json_values, max_size=3),
)
bodies: st.SearchStrategy[AnyBody] = known_bodies | unknown_bodies
times = st.integers(0, 4_000_000_000_000) | st.sampled_from([-MAX_TIME, -1, 0, MAX_TIME])
drafts = st.builds(
    Draft, body=bodies, time=times, turn=st.none() | text, agent=st.none() | text, source=st.none() | text
)


def example_of(kind: type[Body], hints: Any = None) -> Body:
    """The smallest body of a kind."""
    values = {str: "x", int: 1, bool: True, Any: None}
    hints = typing.get_type_hints(kind)
    needed = [field for field in msgspec.structs.fields(kind) if field.required]
    given: dict[str, Any] = {}
    for field in needed:
        hint = hints[field.name]
        choices = typing.get_args(hint)
        if typing.get_origin(hint) is Literal:
            given[field.name] = choices[0]
        elif typing.get_origin(hint) is tuple:
            given[field.name] = ()
        elif typing.get_origin(hint) is dict:
            given[field.name] = {}
        else:
            given[field.name] = values[hint]
    return kind(**given)
