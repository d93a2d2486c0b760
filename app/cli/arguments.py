"""Splits a command line into the global options, recognised anywhere before a bare `--`, and the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from app.cli.errors import UsageError

VALUES = {
    "--home": ("DIR", "All data of one installation (also LOVELACE_HOME)."),
    "--workspace": ("NAME|ID", "The workspace of this call."),
    "--passphrase-file": ("FILE", "Unlock with the passphrase in FILE."),
    "--passphrase-fd": ("N", "Unlock with the passphrase read from file descriptor N."),
}
"""Global options that take a value: placeholder and help."""

FLAGS = {
    "--json": "Print JSON and nothing else.",
    "--yes": "Answer yes to every question.",
    "--quiet": "No progress and no remarks.",
    "--verbose": "Show details of unexpected errors.",
    "--version": "Print the version and leave.",
}
"""Global options without a value, and their help."""


@dataclass(frozen=True, slots=True)
class Globals:
    """What the global options say. home: None for the platform's data folder."""

    home: Path | None = None
    workspace: str | None = None
    passphrase_file: Path | None = None
    passphrase_fd: int | None = None
    json: bool = False
    yes: bool = False
    quiet: bool = False
    verbose: bool = False
    version: bool = False

    @property
    def has_passphrase(self) -> bool:
        """Whether a passphrase is given."""
        return self.passphrase_file is not None or self.passphrase_fd is not None


def split(argv: Sequence[str], environment: Mapping[str, str]) -> tuple[Globals, list[str]]:
    """The global options and the words left for the command, in order; the last of a repeated option wins.

    argv: without the program's name. Raises `UsageError` for a missing, malformed or unwanted value.
    """
    given: dict[str, str | bool] = {}
    if environment.get("LOVELACE_HOME"):
        given["--home"] = environment["LOVELACE_HOME"]
    rest: list[str] = []
    words = iter(argv)
    for word in words:
        name, equals, value = word.partition("=")
        if word == "--":
            rest += [word, *words]
        elif name in FLAGS:
            if equals:
                raise UsageError(f"{name} takes no value.")
            given[name] = True
        elif name in VALUES:
            given[name] = value if equals else _next_value(name, words)
            _refuse_empty(name, given[name])
        else:
            rest.append(word)
    return _globals(given), rest


def wants_json(argv: Sequence[str]) -> bool:
    """Whether `--json` stands before a bare `--`, also where the line as a whole cannot be split."""
    return "--json" in takewhile(lambda word: word != "--", argv)


def _next_value(name: str, words: Iterator[str]) -> str:
    value = next(words, None)
    if value is None or value.startswith("--"):
        raise UsageError(f"{name} needs a value: {name} {VALUES[name][0]}.")
    return value


def _refuse_empty(name: str, value: str | bool) -> None:
    if value == "":
        raise UsageError(f"{name} needs a value that is not empty.")


def _globals(given: Mapping[str, str | bool]) -> Globals:
    fields: dict[str, Any] = {name[2:].replace("-", "_"): value for name, value in given.items()}
    for name in ("home", "passphrase_file"):
        if name in fields:
            fields[name] = Path(fields[name])
    if "passphrase_fd" in fields:
        fields["passphrase_fd"] = _descriptor(fields["passphrase_fd"])
    if "passphrase_fd" in fields and "passphrase_file" in fields:
        raise UsageError("Give either --passphrase-file or --passphrase-fd, not both.")
    return Globals(**fields)


def _descriptor(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise UsageError(f"--passphrase-fd needs the number of an open file descriptor, not {text!r}.")
    return int(text)
