"""Cards of tools, commands and files: one card for everything that one tool call caused."""

from __future__ import annotations

from functools import lru_cache

from app.sessions import events as kinds
from app.sessions.terminal.printed import printed_text
from app.ui.ages import duration
from app.ui.conversation.blocks import Block, Card, Code, Mark, Opens, Tone
from app.ui.conversation.card_texts import (
    SHOWN_LINES,
    as_json,
    diff_code,
    first_line,
    head_lines,
    input_blocks,
    last_line,
    tail_lines,
)
from app.ui.conversation.entries import Entry, answer_to

TAIL_LINES = 8
"""Lines of output that the closed card of a failed command shows."""
SHOWN_FILES, SHOWN_DIFFS = 200, 20
"""Files that an open card names, and diffs that it shows; the diff panel has all."""

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
    return (
        Card(
            group.mark(),
            group.name(),
            group.summary(),
            group.trailing(),
            body,
            foldable=True,
            opened=opened,
            opens=group.opens(),
        ),
    )


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
        self.change_ids: list[str] = []
        self.command_id = entry.event.id
        for event in entry.group or (entry.event,):
            self._sort(event.body, event.id)

    def _sort(self, body: kinds.AnyBody, identifier: str) -> None:
        match body:
            case kinds.ToolCall():
                self.call = body
            case kinds.ToolResult():
                self.result = body
            case kinds.Command():
                self.command, self.command_id = body, identifier
            case kinds.CommandResult():
                self.ended = body
            case kinds.PermissionRequest():
                self.request = body
            case kinds.FileRead():
                self.reads.append(body)
            case kinds.FileChange():
                self.changes.append(body)
                self.change_ids.append(identifier)

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
            return _tool_name(self.call.name)
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
            words += _counts(sum(c.added for c in self.changes), sum(c.removed for c in self.changes))
        if self.ended is not None and (problem := self._exit_problem()):
            words.append((problem, "removed"))
        elif self.ended is not None and self.ended.exit_code == 0:
            words.append(("exit 0", "muted"))
        spent = (self.ended and self.ended.duration_ms) or (self.result and self.result.duration_ms)
        if spent:
            words.append((duration(spent), "muted"))
        return tuple(words)

    def opens(self) -> Opens | None:
        """The diff of what was changed, else the command with its output."""
        if len(self.changes) == 1:
            return Opens("file", self.changes[0].path, self.change_ids[0])
        if self.changes:
            return Opens("file", None, self.entry.event.id)
        return Opens("command", None, self.command_id) if self.command or self.ended else None

    def failure_tail(self) -> tuple[Block, ...]:
        """What the closed card shows below its line: the end of a failed command's output."""
        if self.ended is not None and self._exit_problem():
            output = _printed(self.ended.stderr.strip() or self.ended.stdout)
            return (Code(tail_lines(output, TAIL_LINES)),) if output.strip() else ()
        return ()

    def body(self) -> tuple[Block, ...]:
        """Everything: input, command, output, changes."""
        blocks: list[Block] = []
        if self.command is not None:
            blocks.append(Code(self.command.command, "bash"))
        elif self.call is not None and not (self.changes and self.call.tool_kind == "edit"):
            blocks += input_blocks(self.call.input)
        blocks += self._output()
        return (*blocks, *self._change_blocks())

    def _output(self) -> list[Block]:
        if self.ended is not None:
            streams = (self.ended.stdout, self.ended.stderr)
            shown: list[Block] = [Code(tail_lines(_printed(text), SHOWN_LINES)) for text in streams if text.strip()]
            return shown
        if self.result is None:
            return []
        if self.result.output.strip():
            return [Code(tail_lines(_printed(self.result.output), SHOWN_LINES))] if not self.changes else []
        return [Code(head_lines(as_json(self.result.content), SHOWN_LINES), "json")] if self.result.content else []

    def _change_blocks(self) -> list[Block]:
        if len(self.changes) == 1:
            return _diff(self.changes[0])
        blocks: list[Block] = []
        for number, (change, event) in enumerate(zip(self.changes[:SHOWN_FILES], self.change_ids, strict=False)):
            shown = tuple(_diff(change)) if number < SHOWN_DIFFS else ()
            opens = Opens("file", change.path, event)
            blocks.append(Card(Mark.NONE, change.path, "", _counts(change.added, change.removed), shown, opens=opens))
        if len(self.changes) > SHOWN_FILES:
            blocks.append(Card(Mark.NONE, f"… {len(self.changes) - SHOWN_FILES:,} more files", opens=self.opens()))
        return blocks

    def _subject(self) -> str:
        if self.command is not None:
            return first_line(self.command.command)
        if len(self.changes) > 1:
            return f"{len(self.changes):,} files"
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
            return last_line(_printed(self.ended.stdout or self.ended.stderr))
        if self.result is None:
            return ""
        if self.result.status == "denied":
            return self._denial()
        if self.result.status in ("failed", "cancelled"):
            return first_line(_printed(self.result.output)) or self.result.status
        if self.changes:
            return ""
        output = _printed(self.result.output)
        lines = len(output.splitlines())
        return f"{lines} lines" if lines > 1 else first_line(output)

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


def _tool_name(name: str) -> str:
    """As people read it; names that say which server a tool is of stay as they are."""
    words = name if "__" in name else name.replace("_", " ").strip()
    return words if "__" in name else words[:1].upper() + words[1:]


def _diff(change: kinds.FileChange) -> list[Block]:
    return [] if change.binary or not change.diff else [diff_code(change.diff, change.language)]


def _counts(added: int, removed: int) -> tuple[tuple[str, Tone], ...]:
    counts: list[tuple[str, Tone]] = []
    if added:
        counts.append((f"+{added:,}", "added"))
    if removed:
        counts.append((f"−{removed:,}", "removed"))
    return tuple(counts)


@lru_cache(maxsize=16)
def _printed(output: str) -> str:
    """Output as text; a card is laid out more than once."""
    return printed_text(output)
