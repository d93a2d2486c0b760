"""Texts of cards: inputs, output and diffs, cut to what is shown, and nothing in them hidden. Pure; no Qt."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

import msgspec

from app.agents.mcp.schema import fields_of
from app.sessions import events as kinds
from app.sessions.languages import language_of
from app.ui.conversation.blocks import Block, Code

SHOWN_LINES = 400
"""Lines of output or diff that an open card shows; the rest is in the diff and in exports."""
SUMMARY_LENGTH = 240
WRAP_COLUMNS = 90
"""Characters after which a line of a permission request goes on in the next."""


def permission_body(request: kinds.PermissionRequest) -> tuple[Block, ...]:
    """What the person decides about, in full: nothing stands beyond the right edge or hides behind odd characters."""
    return tuple(_laid_bare(block) for block in input_blocks(request.input))


def form_body(schema: Mapping[str, Any]) -> tuple[Block, ...]:
    """What a server asks for, one value a line."""
    lines = [f"{field.title}: {field.hint}" if field.hint else field.title for field in fields_of(schema) or ()]
    return (_laid_bare(Code(head_lines("\n".join(" ".join(line.split()) for line in lines), SHOWN_LINES))),)


def revealed(text: str) -> str:
    """Text with its invisible and direction-changing characters written out, as `\\u202e`."""
    return "".join(
        character if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cf") else _escape(character)
        for character in text
    )


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _laid_bare(block: Block) -> Block:
    if not isinstance(block, Code):
        return block
    lines = revealed(block.text).split("\n")
    pieces = [(number, piece) for number, line in enumerate(lines) for piece in _pieces(line)]
    tints = "".join(block.tints[number] for number, _piece in pieces) if block.tints else ""
    return Code("\n".join(piece for _number, piece in pieces), block.language, tints)


def _pieces(line: str, columns: int = WRAP_COLUMNS) -> list[str]:
    return [line[at : at + columns] for at in range(0, len(line), columns)] or [""]


def wrapped(text: str, columns: int) -> str:
    """Text whose lines go on in the next after so many characters."""
    return "\n".join(piece for line in text.split("\n") for piece in _pieces(line, columns))


def as_json(value: Any) -> str:
    """A value as indented JSON, for reading."""
    return msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode()


def first_line(text: str) -> str:
    """The first line that says something, cut to a summary's length."""
    return next((line.strip()[:SUMMARY_LENGTH] for line in text.splitlines() if line.strip()), "")


def last_line(text: str) -> str:
    """The last line that says something: where programs put their result."""
    return first_line("\n".join(reversed(text[-4 * SUMMARY_LENGTH :].splitlines())))


def head_lines(text: str, count: int) -> str:
    """The first `count` lines, with a word about the others."""
    lines = text.splitlines()
    if len(lines) <= count:
        return text.rstrip("\n")
    return "\n".join([*lines[:count], f"… {len(lines) - count:,} more lines"])


def tail_lines(text: str, count: int) -> str:
    """The last `count` lines, with a word about the others."""
    lines = text.rstrip("\n").splitlines()
    if len(lines) <= count:
        return "\n".join(lines)
    return "\n".join([f"… {len(lines) - count:,} lines before", *lines[-count:]])


def diff_code(diff: str, language: str | None) -> Code:
    """A unified diff as tinted lines, without its file header."""
    lines = diff.splitlines()
    first = next((number for number, line in enumerate(lines) if line.startswith("@@")), 0)
    text = head_lines("\n".join(lines[first:]), SHOWN_LINES)
    return Code(text, language, "".join(line[0] if line[:1] in ("+", "-", "@") else " " for line in text.split("\n")))


def input_blocks(value: Any) -> tuple[Block, ...]:
    """The input of a tool call: a command as code, named arguments one by one, anything else as JSON."""
    if value in (None, {}, ""):
        return ()
    if isinstance(value, dict) and set(value) <= {"command", "description", "timeout"} and "command" in value:
        return (Code(str(value["command"]), "bash"),)
    if isinstance(value, str):
        return (Code(head_lines(value, SHOWN_LINES)),)
    if isinstance(value, dict):
        return _fields(value)
    return (Code(head_lines(as_json(value), SHOWN_LINES), "json"),)


def _fields(value: dict[str, Any]) -> tuple[Block, ...]:
    """Arguments by name: what is replaced as a diff, text of several lines as text, the rest as JSON."""
    rest = dict(value)
    language = language_of(next((str(value[key]) for key in ("path", "file_path") if value.get(key)), ""))
    blocks: list[Block] = []
    for old, new in (("old", "new"), ("old_string", "new_string"), ("old_text", "new_text")):
        if isinstance(rest.get(old), str) and isinstance(rest.get(new), str):
            lines = [f"-{line}" for line in rest.pop(old).splitlines()]
            lines += [f"+{line}" for line in rest.pop(new).splitlines()]
            text = head_lines("\n".join(lines), SHOWN_LINES)
            blocks.append(Code(text, language, "".join(line[:1] or " " for line in text.split("\n"))))
    for name in [name for name, text in rest.items() if isinstance(text, str) and "\n" in text]:
        blocks.append(Code(head_lines(rest.pop(name), SHOWN_LINES), language))
    if rest:
        plain = all(isinstance(item, str | int | float | bool) for item in rest.values())
        text = "\n".join(f"{name}: {item}" for name, item in rest.items()) if plain else as_json(rest)
        blocks.insert(0, Code(head_lines(text, SHOWN_LINES), None if plain else "json"))
    return tuple(blocks)
