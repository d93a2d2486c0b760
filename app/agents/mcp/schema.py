"""What the JSON schema of a tool, or of a form, asks for: fields with their kinds, and values of what people type.

Only what a form can ask for is understood; everything else is a field of JSON text. Schemas come from foreign programs:
nothing in them is followed without bound, and no pattern of theirs is ever run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from app.errors import UserError

FieldKind = Literal["text", "integer", "number", "boolean", "choice", "choices", "json"]
MAX_FIELDS = 200
MAX_CHOICES = 1_000
_DEPTH = 8
_PLAIN: Mapping[Any, FieldKind] = {"string": "text", "integer": "integer", "number": "number", "boolean": "boolean"}
_SHAPES = {"array": "A list, as JSON: [1, 2]", "object": 'An object, as JSON: {"key": 1}', "": "Any value, as JSON"}
_BOOLEANS = {"true": True, "false": False}
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the values of an enumeration. title: how people read it."""

    value: Any
    title: str


@dataclass(frozen=True, slots=True)
class Field:
    """One property. default: the value that the schema proposes, None without one. long: several lines are usual."""

    name: str
    title: str
    kind: FieldKind
    required: bool
    description: str = ""
    default: Any = None
    choices: tuple[Choice, ...] = ()
    json_type: str = ""

    @property
    def hint(self) -> str:
        """A line about what to enter."""
        shape = _SHAPES[self.json_type] if self.kind == "json" else ""
        return " · ".join(part for part in (self.description, shape) if part)


def fields_of(schema: Any) -> list[Field] | None:
    """The fields of an object's schema, required ones first; None where the schema is no such object."""
    root = _resolve(schema, schema)
    properties = root.get("properties", {})
    if root.get("type", "object") != "object" or not isinstance(properties, Mapping) or len(properties) > MAX_FIELDS:
        return None
    required = root.get("required")
    names = {name for name in required if isinstance(name, str)} if isinstance(required, list) else set()
    found = [_field(str(name), one, schema, str(name) in names) for name, one in properties.items()]
    return sorted(found, key=lambda field: not field.required)


def parse(field: Field, text: str) -> Any:
    """The value that was typed into a field. Raises UserError that names the field."""
    try:
        value = _parse(field, text)
        if value is _MISSING:
            raise ValueError
        return value
    except (ValueError, msgspec.DecodeError, RecursionError) as error:
        raise UserError(f"{field.title}: {_complaint(field, error)}") from error


def gather(fields: Sequence[Field], typed: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of what was entered by field name: texts, or values already; empty texts are left out.

    Raises UserError for the first field that does not fit, or is missing.
    """
    values: dict[str, Any] = {}
    for field in fields:
        entered = typed.get(field.name)
        if entered is None or entered == "":
            if field.required and not (field.kind == "text" and entered == ""):
                raise UserError(f"{field.title} is missing.")
            if not field.required:
                continue
        values[field.name] = parse(field, entered) if isinstance(entered, str) else entered
    return values


def parse_arguments(text: str) -> dict[str, Any]:
    """Arguments as one JSON object; nothing at all is an empty one. Raises UserError."""
    if not text.strip():
        return {}
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise UserError(f"The arguments are not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise UserError('The arguments must be one JSON object, such as {"path": "a.txt"}.')
    return value


def unfit_values(schema: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """What is wrong with values for a form of plain fields; '' where they fit."""
    fields = {field.name: field for field in fields_of(schema) or []}
    for name, value in values.items():
        if name not in fields:
            return f"nobody asked for '{name}'."
        if not _fits(fields[name], value):
            return f"'{name}' has the wrong kind of value."
    lacking = [field.title for field in fields.values() if field.required and values.get(field.name) is None]
    return f"{', '.join(lacking)} is missing." if lacking else ""


def _field(name: str, schema: Any, root: Any, required: bool) -> Field:
    own = _resolve(schema, root)
    title = own.get("title")
    description = own.get("description")
    choices = _choices(own, root)
    kind, json_type = _kind(own, choices)
    if kind == "choices":
        choices = _choices(_resolve(own.get("items"), root), root)
    return Field(
        name,
        title.strip()[:100] if isinstance(title, str) and title.strip() else name,
        kind,
        required,
        " ".join(description.split())[:500] if isinstance(description, str) else "",
        own.get("default"),
        choices,
        json_type,
    )


def _kind(own: Mapping[str, Any], choices: tuple[Choice, ...]) -> tuple[FieldKind, str]:
    if choices:
        return "choice", ""
    kind = own.get("type")
    if isinstance(kind, str) and kind in _PLAIN:
        return _PLAIN[kind], ""
    if kind == "array" and isinstance(items := own.get("items"), Mapping) and (items.get("enum") or items.get("anyOf")):
        return "choices", ""
    return "json", kind if kind in ("array", "object") else ""


def _choices(own: Mapping[str, Any], root: Any) -> tuple[Choice, ...]:
    """The values of `enum`, with their names where there are any, or of `oneOf`/`anyOf` with constants."""
    values = own.get("enum")
    if isinstance(values, list) and 0 < len(values) <= MAX_CHOICES:
        names = own.get("enumNames")
        titles = names if isinstance(names, list) and len(names) == len(values) else values
        return tuple(Choice(value, _words(title)) for value, title in zip(values, titles, strict=True))
    for key in ("oneOf", "anyOf"):
        several = own.get(key)
        if isinstance(several, list) and 0 < len(several) <= MAX_CHOICES:
            options = [_resolve(one, root) for one in several]
            if all("const" in option for option in options):
                return tuple(Choice(one["const"], _words(one.get("title", one["const"]))) for one in options)
    return ()


def _resolve(schema: Any, root: Any) -> Mapping[str, Any]:
    """The schema itself: references within the document followed, `null` beside another type left aside."""
    for _ in range(_DEPTH):
        if not isinstance(schema, Mapping):
            return {}
        reference = schema.get("$ref")
        if isinstance(reference, str):
            schema = _target(reference, root)
            continue
        several = schema.get("anyOf")
        rest = [one for one in several if not _is_null(one)] if isinstance(several, list) else []
        if len(rest) == 1 and len(rest) < len(several or ()):
            schema = {**{key: value for key, value in schema.items() if key != "anyOf"}, **_mapping(rest[0])}
            continue
        kinds = schema.get("type")
        if isinstance(kinds, list):
            kinds = [kind for kind in kinds if kind != "null"]
            schema = {**schema, "type": kinds[0] if len(kinds) == 1 else None}
        return schema
    return {}


def _target(reference: str, root: Any) -> Any:
    found = root
    for part in reference.removeprefix("#/").split("/") if reference.startswith("#/") else ["?"]:
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _is_null(schema: Any) -> bool:
    return isinstance(schema, Mapping) and schema.get("type") == "null"


def _words(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _parse(field: Field, text: str) -> Any:
    match field.kind:
        case "text":
            return text
        case "integer":
            return int(text.strip())
        case "number":
            number = float(text.strip())
            if not math.isfinite(number):
                raise ValueError
            return int(number) if number.is_integer() and "." not in text and "e" not in text.lower() else number
        case "boolean":
            return _BOOLEANS.get(text.strip().lower(), _MISSING)
        case "choice":
            return next((one.value for one in field.choices if text in (one.title, one.value)), _MISSING)
    value = msgspec.json.decode(text)
    if field.json_type and not isinstance(value, {"array": list, "object": dict}[field.json_type]):
        raise ValueError
    return value


def _complaint(field: Field, error: Exception) -> str:
    match field.kind:
        case "integer":
            return "this is no whole number."
        case "number":
            return "this is no number."
        case "boolean":
            return "write true or false."
        case "choice":
            return f"choose one of {', '.join(one.title for one in field.choices[:20])}."
    if isinstance(error, msgspec.DecodeError | RecursionError):
        return f"this is not JSON: {error}."
    return f"this JSON is not {'a list' if field.json_type == 'array' else 'an object'}."


def _fits(field: Field, value: Any) -> bool:
    match field.kind:
        case "text":
            return isinstance(value, str)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case "choice":
            return any(value == one.value for one in field.choices)
        case "choices":
            return isinstance(value, list) and all(any(item == one.value for one in field.choices) for item in value)
    return True
