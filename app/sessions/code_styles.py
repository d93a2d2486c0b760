"""How code is coloured: the few classes of tokens that have a colour of their own, and the languages of files."""

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

_LANGUAGES = {
    "py": "python", "js": "javascript", "ts": "typescript", "tsx": "tsx", "jsx": "jsx", "rs": "rust", "go": "go",
    "c": "c", "h": "c", "cpp": "cpp", "java": "java", "rb": "ruby", "sh": "bash", "sql": "sql", "html": "html",
    "css": "css", "json": "json", "toml": "toml", "yaml": "yaml", "yml": "yaml", "md": "markdown", "xml": "xml",
}  # fmt: skip


def token_style(kind: str) -> str | None:
    """The class of a pygments token (its name, such as `Token.Name.Class`); None for plain text."""
    return next((style for prefix, style in _PREFIXES if kind.startswith(prefix)), None)


def language_of(path: str) -> str | None:
    """The language by the end of a file's name, as pygments calls it; None: not one of the common ones."""
    return _LANGUAGES.get(path.rpartition(".")[2].lower())
