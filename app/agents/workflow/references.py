"""References in texts: `${{ inputs.name }}`, `${{ vars.name }}`, `${{ steps.id.stdout }}`, `${{ loop.item }}`.

`$${{` stands for `${{` itself. In a command a reference never becomes part of the command line: it is a quoted shell
variable that holds the value, so nothing in a value is ever run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Source = Literal["inputs", "vars", "steps", "loop"]
SOURCES: tuple[Source, ...] = ("inputs", "vars", "steps", "loop")
LOOP_NAMES = ("item", "number")
_OPENING = re.compile(r"\$?\$\{\{")
_PATH = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)\s*\Z")


@dataclass(frozen=True, slots=True)
class Reference:
    """name: of an input, variable, step or of `LOOP_NAMES`. field: of a step, else ''."""

    source: Source
    name: str
    field: str = ""

    @property
    def variable(self) -> str:
        """The shell variable that holds the value in a command."""
        return "_".join(part for part in (self.source, self.name, self.field) if part)

    def __str__(self) -> str:
        return "${{ " + ".".join(part for part in (self.source, self.name, self.field) if part) + " }}"


Piece = str | Reference
Template = tuple[Piece, ...]


class BadReference(Exception):
    """A text that is no template; the message is a sentence."""


def parse_template(text: str) -> Template:
    """The pieces of a text. Raises BadReference."""
    return tuple(_pieces(text))


def _pieces(text: str) -> Iterator[Piece]:
    at = 0
    while (opening := _OPENING.search(text, at)) is not None:
        yield text[at : opening.start()]
        if opening.group().startswith("$$"):
            yield "${{"
            at = opening.end()
            continue
        end = text.find("}}", opening.end())
        if end < 0:
            raise BadReference("'${{' has no '}}' after it. Write '$${{' for the characters themselves.")
        yield _reference(text[opening.end() : end])
        at = end + 2
    yield text[at:]


def _reference(inside: str) -> Reference:
    found = _PATH.match(inside)
    shown = " ".join(inside.split())[:60]
    if found is None:
        raise BadReference(
            f"'{shown}' is no reference. Write one such as ${{{{ inputs.name }}}}; there are no operators."
        )
    source, *names = found.group(1).split(".")
    if source not in SOURCES:
        raise BadReference(f"'{shown}' begins with none of {', '.join(SOURCES)}.")
    if len(names) != (2 if source == "steps" else 1):
        form = "steps.ID.FIELD" if source == "steps" else f"{source}.NAME"
        raise BadReference(f"'{shown}' has not the form {form}.")
    return Reference(SOURCES[SOURCES.index(source)], *names)


def references(template: Template) -> list[Reference]:
    """The references of a template, in order."""
    return [piece for piece in template if isinstance(piece, Reference)]


def render(template: Template, value: Callable[[Reference], str]) -> str:
    """The text with values in the places of references."""
    return "".join(piece if isinstance(piece, str) else value(piece) for piece in template)


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A shell command line and the variables that it reads."""

    line: str
    variables: Mapping[str, str]


def render_command(template: Template, value: Callable[[Reference], str]) -> CommandLine:
    """The command line, in which each reference is a quoted variable. Raises BadReference, see `command_pieces`."""
    variables = {piece.variable: value(piece) for piece in references(template)}
    return CommandLine("".join(command_pieces(template)), variables)


def command_pieces(template: Sequence[Piece]) -> list[str]:
    """The pieces of a command line. Raises BadReference for a reference where the shell expands nothing."""
    shell = _Quotes()
    pieces: list[str] = []
    for number, piece in enumerate(template):
        if isinstance(piece, str):
            shell.read(piece)
            pieces.append(piece)
        else:
            following = template[number + 1]  # a template ends with a text
            pieces.append(shell.expanded(piece, following if isinstance(following, str) else ""))
    return pieces


class _Quotes:
    """Follows the quotes of a shell command line. A mistake of it lets the shell split a value, never run it."""

    def __init__(self) -> None:
        self._states: list[str] = [""]
        self._escaped = False
        self._before = "\n"

    def read(self, text: str) -> None:
        """Go on over literal text."""
        for character in text:
            self._step(character)
            self._before = character

    def expanded(self, reference: Reference, following: str) -> str:
        """How to write a reference at this place, before the text that follows."""
        state = self._states[-1]
        self._before = "x"
        self._escaped = False
        if state == "'":
            raise BadReference(
                f"{reference} stands in single quotes, where the shell expands nothing. Take the quotes away: the "
                "value is quoted by itself."
            )
        quoted = f'"${reference.variable}"'
        if state != '"':
            return quoted
        is_apart = bool(following) and not (following[0].isalnum() or following[0] == "_")
        return f"${reference.variable}" if is_apart else f'"{quoted}"'

    def _step(self, character: str) -> None:
        state = self._states[-1]
        if self._escaped:
            self._escaped = False
        elif state == "'":
            if character == "'":
                self._states.pop()
        elif state == "#":
            if character == "\n":
                self._states.pop()
        elif character == "\\":
            self._escaped = True
        elif character == '"':
            self._states.pop() if state == '"' else self._states.append('"')
        elif character == "(" and (self._before == "$" or state == "("):
            self._states.append("(")
        elif state != '"':
            self._step_plain(character, state)

    def _step_plain(self, character: str, state: str) -> None:
        if character == "'":
            self._states.append("'")
        elif character == ")" and state == "(":
            self._states.pop()
        elif character == "#" and self._before in " \t\n;":
            self._states.append("#")
