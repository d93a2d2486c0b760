"""How code is coloured: the few classes of tokens that have a colour of their own."""

from __future__ import annotations

_PREFIXES = (
    ("Token.Keyword", "keyword"),
    ("Token.Operator.Word", "keyword"),
    ("Token.Name.Builtin.Pseudo", "keyword"),
    ("Token.Literal.String", "string"),
    ("Token.Literal.Number", "number"),
    ("Token.Comment", "comment"),
    ("Token.Name.Tag", "keyword"),
    ("Token.Name.Function", "name"),
    ("Token.Name.Class", "name"),
    ("Token.Name.Decorator", "name"),
    ("Token.Name.Builtin", "name"),
    ("Token.Name.Attribute", "name"),
)


def token_style(kind: str) -> str | None:
    """The class of a pygments token (its name, such as `Token.Name.Class`); None for plain text."""
    return next((style for prefix, style in _PREFIXES if kind.startswith(prefix)), None)
