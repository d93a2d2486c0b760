"""What happened in older turns, told without a model: the first prompt, later ones, decisions, files, commands.

It stands in for a summary where the model cannot be asked for one. The same events always give the same digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.agents.history import cut_middle
from app.sessions.events import (
    AgentMessage,
    AnyBody,
    Command,
    CommandResult,
    Compaction,
    Conclusion,
    FileChange,
    PermissionAnswer,
    PermissionRequest,
    Plan,
    UserMessage,
    Verification,
)

HEAD = "(Put together from the record, without a model.)"
_LINE = 200


def digest(bodies: Iterable[AnyBody], previous: str, characters: int) -> str:
    """The digest of events, after an earlier summary. It has at most about `characters`, shared by its sections."""
    known = list(bodies)
    prompts = [body.text for body in known if isinstance(body, UserMessage)]
    answers = [body.text for body in known if isinstance(body, AgentMessage) and body.text.strip()]
    sections = [
        ("Before that", [previous.removeprefix(HEAD).strip()] if previous else []),
        ("First prompt", [cut_middle(prompts[0], 2_000)] if prompts else []),
        ("Later prompts", [_line(text) for text in prompts[1:]]),
        ("Summaries found", [cut_middle(body.text, 2_000) for body in known if isinstance(body, Compaction)][-1:]),
        ("Decisions", _decisions(known)),
        ("Files", _files(known)),
        ("Commands", _commands(known)),
        ("Last answer", [cut_middle(answers[-1], 2_000)] if answers else []),
    ]
    told = [(name, lines) for name, lines in sections if lines]
    share = max(60, (characters - len(HEAD)) // max(1, len(told)))
    return "\n\n".join([HEAD, *(f"{name}:\n{_within(lines, share)}" for name, lines in told)])


def _within(lines: Sequence[str], characters: int) -> str:
    """The last lines that fit; the one that does not loses its middle, the ones before it are counted."""
    kept: list[str] = []
    for line in reversed(lines):
        if kept and len(line) + 1 > characters:
            break
        kept.append(cut_middle(line, max(characters, 40)))
        characters -= len(kept[-1]) + 1
    left_out = len(lines) - len(kept)
    return "\n".join([*([f"({left_out} earlier ones left out)"] if left_out else []), *reversed(kept)])


def _decisions(bodies: Sequence[AnyBody]) -> list[str]:
    requests: dict[str, str] = {}
    lines: list[str] = []
    for body in bodies:
        match body:
            case PermissionRequest():
                requests[body.request_id] = body.title or body.name
            case PermissionAnswer(answer="reject" | "always") if body.request_id in requests:
                reason = f" ({_line(body.reason)})" if body.reason else ""
                lines.append(f"{_line(requests[body.request_id])}: {body.answer}{reason}")
            case Verification():
                lines.append(f"check '{_line(body.what)}' {'passed' if body.passed else 'failed'}")
            case Conclusion():
                lines.append(f"{body.outcome}: {_line(body.text)}")
    plans = [body for body in bodies if isinstance(body, Plan)]
    lines += [f"plan, {entry.status}: {_line(entry.text)}" for plan in plans[-1:] for entry in plan.entries]
    return lines


def _files(bodies: Sequence[AnyBody]) -> list[str]:
    changed: dict[str, tuple[int, int]] = {}
    for body in bodies:
        if isinstance(body, FileChange):
            added, removed = changed.pop(body.path, (0, 0))
            changed[body.path] = (added + body.added, removed + body.removed)
    return [f"{path} +{added} -{removed}" for path, (added, removed) in changed.items()]


def _commands(bodies: Sequence[AnyBody]) -> list[str]:
    endings = {body.call_id: _ending(body) for body in bodies if isinstance(body, CommandResult)}
    return [
        f"{_line(body.command)}: {endings.get(body.call_id, 'no result')}"
        for body in bodies
        if isinstance(body, Command)
    ]


def _ending(body: CommandResult) -> str:
    if body.signal is not None:
        return f"ended by {body.signal}"
    return "ended" if body.exit_code is None else f"exit code {body.exit_code}"


def _line(text: str) -> str:
    return cut_middle(" ".join(text.split()), _LINE)
