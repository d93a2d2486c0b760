"""Cards of tools, commands and files: one card for everything that one tool call caused."""

from __future__ import annotations

import unicodedata
from typing import Any

import msgspec

from app.sessions import events as kinds
from app.sessions.languages import language_of
from app.ui.ages import duration
from app.ui.conversation.blocks import Block, Card, Code, Mark, Tone
from app.ui.conversation.entries import Entry, answer_to

SHOWN_LINES = 400
"""Lines of output or diff that an open card shows; the rest is in the diff and in exports."""
TAIL_LINES = 8
"""Lines of output that the closed card of a failed command shows."""
SUMMARY_LENGTH = 240
WRAP_COLUMNS = 90
"""Characters after which a line of a permission request goes on in the next."""

_STATUS = {
    "completed": Mark.DONE,
    "failed": Mark.FAILED,
    "denied": Mark.DENIED,
    "cancelled": Mark.DENIED,
}
_TELLING_INPUTS = ("command", "path", "file_path", "pattern", "query", "url", "description", "prompt")


def tool_card(entry: Entry, opened: bool) -> tuple[Block, ...]:
    """The card of a tool call, command or file event with its group."""
    group = _Group(entry)
    body = group.body() if opened else group.failure_tail()
    card = Card(group.mark(), group.name(), group.summary(), group.trailing(), body, foldable=True, opened=opened)
    return (card,)


def permission_body(request: kinds.PermissionRequest) -> tuple[Block, ...]:
    """What the person decides about, in full: nothing stands beyond the right edge or hides behind odd characters."""
    return tuple(_laid_bare(block) for block in _input(request.input))


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


def _pieces(line: str) -> list[str]:
    return [line[at : at + WRAP_COLUMNS] for at in range(0, len(line), WRAP_COLUMNS)] or [""]


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


def _input(value: Any) -> tuple[Block, ...]:
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


class _Group:
    """The events of one tool call, sorted by what they say."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.call: kinds.ToolCall | None = None
        self.result: kinds.ToolResult | None = None
        self.command: kinds.Command | None = None
        self.ended: kinds.CommandResult | None = None
        self.request: kinds.PermissionRequest | None = None
        self.reads: list[kinds.FileRead] = []
        self.changes: list[kinds.FileChange] = []
        for event in entry.group or (entry.event,):
            self._sort(event.body)

    def _sort(self, body: kinds.AnyBody) -> None:
        match body:
            case kinds.ToolCall():
                self.call = body
            case kinds.ToolResult():
                self.result = body
            case kinds.Command():
                self.command = body
            case kinds.CommandResult():
                self.ended = body
            case kinds.PermissionRequest():
                self.request = body
            case kinds.FileRead():
                self.reads.append(body)
            case kinds.FileChange():
                self.changes.append(body)

    def mark(self) -> Mark:
        if self.ended is not None and self._exit_problem():
            return Mark.FAILED
        if self.result is not None:
            return _STATUS[self.result.status]
        if self.ended is not None or (self.call is None and self.command is None):
            return Mark.DONE
        return Mark.RUNNING if self.entry.live else Mark.NONE

    def name(self) -> str:
        if self.call is not None:
            return (
                self.call.name.replace("_", " ").strip().capitalize() if "__" not in self.call.name else self.call.name
            )
        if self.command is not None or self.ended is not None:
            return "Command"
        if self.changes:
            return self._change_name()
        return "Read" if self.reads else "Result"

    def summary(self) -> str:
        parts = [self._subject(), self._outcome()]
        return " · ".join(part for part in parts if part)

    def trailing(self) -> tuple[tuple[str, Tone], ...]:
        words: list[tuple[str, Tone]] = []
        if self.changes:
            words += self._change_counts()
        if self.ended is not None and (problem := self._exit_problem()):
            words.append((problem, "removed"))
        elif self.ended is not None and self.ended.exit_code == 0:
            words.append(("exit 0", "muted"))
        spent = (self.ended and self.ended.duration_ms) or (self.result and self.result.duration_ms)
        if spent:
            words.append((duration(spent), "muted"))
        return tuple(words)

    def failure_tail(self) -> tuple[Block, ...]:
        """What the closed card shows below its line: the end of a failed command's output."""
        if self.ended is not None and self._exit_problem():
            output = self.ended.stderr.strip() or self.ended.stdout
            return (Code(tail_lines(output, TAIL_LINES)),) if output.strip() else ()
        return ()

    def body(self) -> tuple[Block, ...]:
        """Everything: input, command, output, changes."""
        blocks: list[Block] = []
        if self.command is not None:
            blocks.append(Code(self.command.command, "bash"))
        elif self.call is not None and not (self.changes and self.call.tool_kind == "edit"):
            blocks += _input(self.call.input)
        blocks += self._output()
        blocks += [change_code for change in self.changes for change_code in self._change_body(change)]
        return tuple(blocks)

    def _output(self) -> list[Block]:
        if self.ended is not None:
            streams = (self.ended.stdout, self.ended.stderr)
            shown: list[Block] = [Code(tail_lines(text, SHOWN_LINES)) for text in streams if text.strip()]
            return shown
        if self.result is None:
            return []
        if self.result.output.strip():
            return [Code(tail_lines(self.result.output, SHOWN_LINES))] if not self.changes else []
        return [Code(head_lines(as_json(self.result.content), SHOWN_LINES), "json")] if self.result.content else []

    def _change_body(self, change: kinds.FileChange) -> tuple[Block, ...]:
        if change.binary or not change.diff:
            return ()
        title = (Code(change.path),) if len(self.changes) > 1 else ()
        return (*title, diff_code(change.diff, change.language))

    def _subject(self) -> str:
        if self.command is not None:
            return first_line(self.command.command)
        if len(self.changes) > 1:
            return f"{len(self.changes)} files"
        if self.changes:
            change = self.changes[0]
            return f"{change.renamed_from} → {change.path}" if change.renamed_from else change.path
        if self.reads:
            return self._read_subject(self.reads[0])
        return self._call_subject() if self.call is not None else ""

    def _read_subject(self, read: kinds.FileRead) -> str:
        more = f" and {len(self.reads) - 1} more" if len(self.reads) > 1 else ""
        lines = f" · lines {read.first}–{read.last}" if read.first is not None else ""
        return f"{read.path}{lines}{more}"

    def _call_subject(self) -> str:
        assert self.call is not None
        title = first_line(self.call.title)
        if title.lower().startswith(f"{self.name().lower()} "):
            title = title[len(self.name()) + 1 :]
        if title and title != self.call.name:
            return title
        if self.call.locations:
            return self.call.locations[0].path
        given = self.call.input if isinstance(self.call.input, dict) else {}
        telling = next((str(given[key]) for key in _TELLING_INPUTS if given.get(key)), "")
        return first_line(telling)

    def _outcome(self) -> str:
        if self.ended is not None:
            return last_line(self.ended.stdout or self.ended.stderr)
        if self.result is None:
            return ""
        if self.result.status == "denied":
            return self._denial()
        if self.result.status in ("failed", "cancelled"):
            return first_line(self.result.output) or self.result.status
        if self.changes:
            return ""
        lines = len(self.result.output.splitlines())
        return f"{lines} lines" if lines > 1 else first_line(self.result.output)

    def _denial(self) -> str:
        answer = answer_to(self.request.request_id, self.entry.group) if self.request else None
        return f"rejected: {answer.reason}" if answer and answer.reason else "rejected"

    def _exit_problem(self) -> str:
        assert self.ended is not None
        if self.ended.signal:
            return self.ended.signal
        return f"exit {self.ended.exit_code}" if self.ended.exit_code else ""

    def _change_name(self) -> str:
        diff = self.changes[0].diff
        if self.changes[0].renamed_from:
            return "Moved"
        if "+++ /dev/null" in diff:
            return "Deleted"
        return "Created" if "--- /dev/null" in diff else "Changed"

    def _change_counts(self) -> list[tuple[str, Tone]]:
        added, removed = sum(c.added for c in self.changes), sum(c.removed for c in self.changes)
        counts: list[tuple[str, Tone]] = []
        if added:
            counts.append((f"+{added}", "added"))
        if removed:
            counts.append((f"−{removed}", "removed"))
        return counts
