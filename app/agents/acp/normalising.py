"""What the calls of each kind of agent mean: the protocol leaves to agents how they tell of commands and their ends.

A normaliser reads a call and never fails, whatever the agent sent: what it does not find it leaves out. `Plain` knows
the names that most agents use; the others add what is particular to one.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from app.agents.acp.calls import CallState
from app.agents.acp.limits import MOST_ENTRIES
from app.agents.acp.values import content_text, first_text, integer, member, objects, text
from app.sessions.events import PlanEntry, Usage

_SHELLS = frozenset({"sh", "bash", "zsh", "dash"})
_STATUSES = {"pending": "pending", "in_progress": "in_progress", "completed": "completed", "cancelled": "completed"}
_TITLE_END = re.compile(r"\s*\[current working directory ([^\]]*)\].*\Z|\s+\([^()]*\)\Z", re.DOTALL)
_EXIT_LINE = re.compile(r"\s*(?:Error: )?exit code:? (-?\d+)\b", re.IGNORECASE)
_FENCE = re.compile(r"\A```[a-z]*\n(.*?)\n?```\s*\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A command as it was started. cwd: as the agent names it, '' where it does not."""

    command: str
    cwd: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended, as far as the agent says."""

    exit_code: int | None = None
    signal: str | None = None
    stdout: str = ""
    stderr: str = ""
    truncated: bool = False


class Plain:
    """Any agent. names: parts of the names by which agents of this kind present themselves, or of their programs."""

    names: tuple[str, ...] = ()
    asking_modes: tuple[str, ...] = ("ask", "default")
    """Modes in which such an agent asks before it changes or runs anything; the first that it has is chosen."""
    environment: ClassVar[Mapping[str, str]] = {}
    """Variables that make it ask, where the person has not set them otherwise."""

    def tool_name(self, call: CallState) -> str:
        """What the tool is called."""
        found = first_text(call.meta, "tool_name", "toolName", "tool") or first_text(call.input, "tool_name", "tool")
        return found or (call.kind if call.kind != "other" else call.title.partition(":")[0].strip()[:60] or "tool")

    def is_ready(self, call: CallState) -> bool:
        """Whether enough is known of a call to show it."""
        if call.status != "pending":
            return True
        return call.input not in (None, {}, "") and (call.kind != "execute" or self.command(call) is not None)

    def command(self, call: CallState) -> CommandLine | None:
        """The command line that a call runs."""
        if call.kind != "execute":
            return None
        found = _line(member(call.input, "command")) or _line(member(call.input, "cmd"))
        found = found or first_text(call.input, "script", "code") or self.title_command(call)
        return CommandLine(found, self.folder(call)) if found else None

    def folder(self, call: CallState) -> str:
        """Where a command runs."""
        keys = ("cwd", "workdir", "working_directory", "workingDirectory", "directory", "dir_path")
        return first_text(call.input, *keys) or first_text(call.output, *keys)

    def title_command(self, _call: CallState) -> str:
        """The command line, of an agent that says it in the title only."""
        return ""

    def outcome(self, call: CallState) -> Outcome:
        """How a command ended."""
        out = call.output
        code = next(filter(_is_code, (integer(member(out, key)) for key in _CODES)), None)
        signal = member(out, "signal")
        stdout, stderr = text(member(out, "stdout")), text(member(out, "stderr"))
        if not stdout and not stderr:
            stdout = first_text(out, "output", "aggregated_output", "formatted_output", "text") or text(out)
            stdout = stdout or _unfenced(call.text)
        name = signal if isinstance(signal, str) and signal and code is None else None
        return Outcome(code, name, stdout, stderr, member(out, "truncated") is True)

    def result_text(self, call: CallState) -> str:
        """What the call gave, for people and other agents."""
        return call.text or first_text(call.output, "output", "text", "message", "error") or text(call.output)

    def plan(self, call: CallState) -> tuple[PlanEntry, ...]:
        """The plan that a call of a list of tasks sets."""
        todos = member(call.input, "todos") if call.kind in ("other", "think") else None
        return plan_entries(todos)

    def spent(self, update: Mapping[str, Any]) -> Usage | None:
        """Tokens that an update tells of, to be added to those of the turn."""
        return None

    def total(self, update: Mapping[str, Any]) -> Usage | None:
        """Tokens of the whole session that an update tells of."""
        return None

    def usage(self, answer: Mapping[str, Any]) -> Usage | None:
        """Tokens in the answer to a prompt."""
        return read_usage(answer.get("usage"))

    usage_is_total = False
    """Whether the answer to a prompt counts the whole session."""


_CODES = ("exitCode", "exit_code", "exit", "code", "returncode", "return_code")


class OpenCode(Plain):
    """opencode: the title of a call is its tool's name until the call has begun."""

    names = ("opencode",)
    environment: ClassVar[Mapping[str, str]] = {
        "OPENCODE_PERMISSION": '{"edit":"ask","bash":"ask","webfetch":"ask","external_directory":"ask"}'
    }

    def tool_name(self, call: CallState) -> str:
        if member(call.input, "todos") is not None:
            return "todowrite"
        return call.first_title if call.first_title.isidentifier() else super().tool_name(call)

    def outcome(self, call: CallState) -> Outcome:
        metadata = member(call.output, "metadata")
        output = first_text(call.output, "output") or first_text(metadata, "output") or call.text
        return Outcome(integer(member(metadata, "exit")), None, output, "", member(metadata, "truncated") is True)


class Vibe(Plain):
    """mistral-vibe: says nothing of exit codes, and counts the tokens of the whole session."""

    names = ("mistral-vibe", "vibe-acp", "vibe")
    usage_is_total = True

    def tool_name(self, call: CallState) -> str:
        return super().tool_name(call).removeprefix("vibe.")

    def total(self, update: Mapping[str, Any]) -> Usage | None:
        counts = update.get("_meta") if update.get("sessionUpdate") == "usage_update" else None
        if integer(member(counts, "promptTokens")) is None:
            return None
        return Usage(input=_count(counts, "promptTokens"), output=_count(counts, "completionTokens"))


class Qwen(Plain):
    """qwen-code: tells the tokens of each answer of its model with an empty piece of text."""

    names = ("qwen",)
    asking_modes = ("default",)

    def spent(self, update: Mapping[str, Any]) -> Usage | None:
        return read_usage(member(update, "_meta", "usage"))

    def usage(self, answer: Mapping[str, Any]) -> Usage | None:
        return None

    def outcome(self, call: CallState) -> Outcome:
        found = super().outcome(call)
        if isinstance(call.output, Mapping):
            return found
        code = re.search(r"^Exit Code: (-?\d+)$", call.text, re.MULTILINE)
        output = re.search(r"^Output: (.*?)^Error: ", call.text, re.MULTILINE | re.DOTALL)
        return Outcome(integer(code[1]) if code else None, None, output[1] if output else found.stdout)


class Gemini(Plain):
    """Gemini CLI: the command line is in the title, with the folder and a description behind it."""

    names = ("gemini",)
    asking_modes = ("default",)

    def title_command(self, call: CallState) -> str:
        return _TITLE_END.sub("", call.title).strip()

    def folder(self, call: CallState) -> str:
        found = re.search(r"\[current working directory ([^\]]*)\]", call.title)
        return found[1] if found else super().folder(call)


class Claude(Plain):
    """The adapters of Claude Code: results are texts in fences, a failure begins with the exit code."""

    names = ("claude",)
    asking_modes = ("default",)

    def tool_name(self, call: CallState) -> str:
        return first_text(member(call.meta, "claudeCode"), "toolName") or super().tool_name(call)

    def title_command(self, call: CallState) -> str:
        return call.title.strip().strip("`")

    def outcome(self, call: CallState) -> Outcome:
        answer = member(call.meta, "claudeCode", "toolResponse")
        if isinstance(answer, Mapping) and ("stdout" in answer or "stderr" in answer):
            code = 0 if call.status == "completed" and not answer.get("interrupted") else None
            return Outcome(code, None, text(answer.get("stdout")), text(answer.get("stderr")))
        output = _unfenced(call.text)
        if call.status != "failed":
            return Outcome(0 if call.status == "completed" else None, None, output)
        found = _EXIT_LINE.match(output)
        rest = output[found.end() :].lstrip("\n") if found else output
        return Outcome(integer(found[1]) if found else None, None, rest)


class Codex(Plain):
    """The adapter of Codex: the command is the argument vector of a shell."""

    names = ("codex",)
    asking_modes = ("read-only", "auto", "default")


class Goose(Plain):
    """Goose: tools are named `extension__tool`."""

    names = ("goose",)
    asking_modes = ("approve", "default")
    environment: ClassVar[Mapping[str, str]] = {"GOOSE_MODE": "approve"}


KINDS: tuple[Plain, ...] = (OpenCode(), Vibe(), Qwen(), Claude(), Codex(), Gemini(), Goose())
PLAIN = Plain()


def normaliser(*told: str) -> Plain:
    """The one for an agent. told: its name as it presents itself, and its command line."""
    known = [word.lower() for word in told if word]
    found = (kind for word in known for kind in KINDS if any(name in word for name in kind.names))
    return next(found, PLAIN)


def plan_entries(entries: Any) -> tuple[PlanEntry, ...]:
    """A plan as agents send it; entries without a text are left out."""
    found = []
    for entry in list(objects(entries))[:MOST_ENTRIES]:
        said = first_text(entry, "content", "title", "text", "step")
        status = _STATUSES.get(text(entry.get("status")), "pending")
        rank = entry.get("priority") if entry.get("priority") in ("high", "medium", "low") else "medium"
        if said:
            found.append(PlanEntry(text=said, status=status, priority=rank))  # type: ignore[arg-type]
    return tuple(found)


def read_usage(counts: Any) -> Usage | None:
    """Tokens in the protocol's form."""
    if integer(member(counts, "inputTokens")) is None and integer(member(counts, "outputTokens")) is None:
        return None
    return Usage(
        input=_count(counts, "inputTokens"),
        output=_count(counts, "outputTokens"),
        cache_read=_count(counts, "cachedReadTokens") or None,
        cache_write=_count(counts, "cachedWriteTokens") or None,
    )


def block_text(block: Any) -> str:
    """The text of a piece of a message."""
    return content_text(block)


def _count(counts: Any, key: str) -> int:
    return max(0, integer(member(counts, key)) or 0)


def _is_code(value: int | None) -> bool:
    return value is not None and -(2**31) <= value < 2**32


def _line(value: Any) -> str:
    """A command line, of a text or an argument vector; what a shell is told to run is the line."""
    if isinstance(value, str):
        return value.strip()
    if not isinstance(value, Sequence) or not value or not all(isinstance(word, str) for word in value):
        return ""
    if len(value) == 3 and value[0].rpartition("/")[2] in _SHELLS and value[1] in ("-c", "-lc"):
        return str(value[2]).strip()
    return shlex.join(value)


def _unfenced(output: str) -> str:
    found = _FENCE.match(output)
    return found[1] if found else output
