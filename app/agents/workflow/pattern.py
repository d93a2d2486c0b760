"""Regular expressions of workflows. They take time in proportion to the text, whatever is written in them (RE2)."""

from __future__ import annotations

from typing import Any


class BadPattern(Exception):
    """The expression cannot be used; the message says why."""


def matches(pattern: str, text: str) -> bool:
    """Whether the expression is found anywhere in the text. Raises BadPattern."""
    return bool(compiled(pattern).isinstance_python(text))


def compiled(pattern: str) -> Any:
    """A validator of pydantic's core, whose expressions are those of Rust's regex crate. Raises BadPattern."""
    from pydantic_core import SchemaError, SchemaValidator, core_schema

    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
    except SchemaError as error:
        reason = " ".join(str(error).split()).rpartition("error: ")[2].rpartition("SchemaError: ")[2]
        raise BadPattern(f"'{pattern[:60]}' is no regular expression: {reason}.") from error
