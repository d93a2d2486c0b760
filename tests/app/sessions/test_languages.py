"""Languages of files by their names."""

from __future__ import annotations

import pytest
from pygments.lexers import get_lexer_by_name

from app.sessions.languages import _BY_EXTENSION, _BY_NAME, _EXTENSIONS, language_of


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("a/b.py", "python"),
        ("C:\\x\\Makefile", "make"),
        ("deep/Dockerfile", "docker"),
        ("x.TSX", "tsx"),
        ("a.tar.json", "json"),
        (".py", "python"),
        ("README", None),
        ("py", None),
        ("py/x", None),
        ("x.", None),
        ("", None),
    ],
)
def test_by_name(path: str, language: str | None) -> None:
    assert language_of(path) == language


def test_pygments_knows_every_language() -> None:
    for language in [*_EXTENSIONS, *_BY_NAME.values()]:
        assert language in get_lexer_by_name(language).aliases


def test_every_extension_stands_once() -> None:
    assert len(_BY_EXTENSION) == sum(len(listed.split()) for listed in _EXTENSIONS.values())
