"""A seeded generator of Claude Code transcripts: the shapes of real ones, in any size, streamed to the disk.

`generate_claude(path, seed=1, bytes=10**9)`; equal arguments make equal files. Prompts, thinking, answers with
Markdown and code, Read, Edit, Write, Bash and TodoWrite with their results, side chains, titles, and the records that
stand beside the conversation.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

_ROOTS = (
    "act add back base batch block branch buffer build cache call change check class clean client close code column "
    "command config connect copy count data decode default delete device draft edit encode error event field file find "
    "fix follow format frame function graph group guard handle hash head import index input item join key kind label "
    "layer level limit line link list load lock log map mark match memory merge message method mode model module move "
    "name node note number object open option order output page panel parse part patch path plan point pool print "
    "process prompt query queue range read record refer remove render reply report request reset result retry return "
    "role route row rule run save scan schema scope search select send session set shape share show size sort source "
    "split stack start state step stop store stream string style sync table tail task test text thread time token tool "
    "trace track transaction tree turn type undo unit update user value verify version view wait walk watch window "
    "word work worker write zone"
).split()
_ENDINGS = ("", "", "", "", "s", "ed", "ing", "er", "able", "ment")
_SMALL = "the a of to in and is that for it with as on by this be are from at or an which when only not".split()
_LANGUAGES = {"python": "py", "typescript": "ts", "rust": "rs", "go": "go", "markdown": "md"}
_START = datetime(2025, 6, 14, 8, tzinfo=UTC)


@dataclass(slots=True)
class _Conversation:
    """The chain that is being written."""

    session: str
    cwd: str
    rng: random.Random
    time: datetime
    parent: str | None = None
    agent: str | None = None
    counter: int = 0
    files: list[str] = field(default_factory=list)

    def id(self) -> str:
        bits = self.rng.getrandbits(128)
        text = f"{bits:032x}"
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

    def call_id(self) -> str:
        return f"toolu_{self.rng.getrandbits(96):024x}"

    def word(self) -> str:
        if self.rng.random() < 0.35:
            return self.rng.choice(_SMALL)
        return self.rng.choice(_ROOTS) + self.rng.choice(_ENDINGS)

    def sentence(self, low: int = 5, high: int = 18) -> str:
        words = [self.word() for _ in range(self.rng.randint(low, high))]
        return " ".join(words).capitalize() + "."

    def text(self, sentences: int) -> str:
        return " ".join(self.sentence() for _ in range(sentences))

    def code(self, lines: int) -> list[str]:
        made = []
        for number in range(lines):
            name, argument = self.rng.choice(_ROOTS), self.rng.choice(_ROOTS)
            made.append(
                (
                    f"def {name}_{argument}({argument}: str) -> None:",
                    f"    {name} = {self.rng.choice(_ROOTS)}({argument}, {self.rng.randint(0, 999)})",
                    f"    if {name} is None:",
                    f'        raise ValueError("{self.word()} {self.word()}")',
                    f"    return {name}.{argument}",
                    "",
                )[number % 6]
            )
        return made

    def path(self) -> tuple[str, str]:
        if self.files and self.rng.random() < 0.7:
            path = self.rng.choice(self.files)
        else:
            language = self.rng.choice(list(_LANGUAGES))
            folder, name = self.rng.choice(_ROOTS), self.rng.choice(_ROOTS)
            path = f"{self.cwd}/src/{folder}/{name}_{self.rng.randint(0, 99)}.{_LANGUAGES[language]}"
            self.files.append(path)
        return path, path.removeprefix(self.cwd + "/")

    def record(self, kind: str, **fields: Any) -> dict[str, Any]:
        self.time += timedelta(milliseconds=self.rng.randint(200, 9_000))
        uuid = self.id()
        made = {
            "parentUuid": self.parent,
            "isSidechain": self.agent is not None,
            "userType": "external",
            "cwd": self.cwd,
            "sessionId": self.session,
            "version": "2.0.52",
            "gitBranch": "main",
            **({"agentId": self.agent} if self.agent else {}),
            "type": kind,
            **fields,
            "uuid": uuid,
            "timestamp": self.time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        self.parent = uuid
        return made

    def answer(self, blocks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        message = f"msg_{self.rng.getrandbits(96):024x}"
        usage = {
            "input_tokens": self.rng.randint(1, 20),
            "cache_creation_input_tokens": self.rng.randint(0, 4_000),
            "cache_read_input_tokens": self.rng.randint(0, 120_000),
            "output_tokens": self.rng.randint(10, 900),
            "service_tier": "standard",
        }
        for block in blocks:
            yield self.record(
                "assistant",
                message={
                    "id": message,
                    "type": "message",
                    "role": "assistant",
                    "model": "claude-sonnet-4-5-20250929",
                    "content": [block],
                    "stop_reason": None,
                    "stop_sequence": None,
                    "usage": usage,
                },
                requestId=f"req_{self.rng.getrandbits(96):024x}",
            )

    def call(self, name: str, given: dict[str, Any], output: str, result: Any, error: bool = False) -> Iterator[Any]:
        call_id = self.call_id()
        yield from self.answer([{"type": "tool_use", "id": call_id, "name": name, "input": given}])
        block: dict[str, Any] = {"tool_use_id": call_id, "type": "tool_result", "content": output}
        if error:
            block["is_error"] = True
        yield self.record("user", message={"role": "user", "content": [block]}, toolUseResult=result)


def _read(talk: _Conversation) -> Iterator[dict[str, Any]]:
    path, _ = talk.path()
    lines = talk.code(talk.rng.randint(10, 60))
    shown = "\n".join(f"{number:6}→{line}" for number, line in enumerate(lines, 1))
    file = {
        "filePath": path,
        "content": "\n".join(lines),
        "numLines": len(lines),
        "startLine": 1,
        "totalLines": len(lines) + talk.rng.choice((0, 0, 200)),
    }
    yield from talk.call("Read", {"file_path": path}, shown, {"type": "text", "file": file})


def _edit(talk: _Conversation) -> Iterator[dict[str, Any]]:
    path, _ = talk.path()
    old, new, before, after = talk.code(3), talk.code(4), talk.code(3), talk.code(3)
    start = talk.rng.randint(1, 400)
    lines = [" " + line for line in before] + ["-" + line for line in old]
    lines += ["+" + line for line in new] + [" " + line for line in after]
    given = {"file_path": path, "old_string": "\n".join(old), "new_string": "\n".join(new)}
    result = {
        "filePath": path,
        "oldString": given["old_string"],
        "newString": given["new_string"],
        "originalFile": "\n".join((*before, *old, *after)),
        "structuredPatch": [{"oldStart": start, "oldLines": 9, "newStart": start, "newLines": 10, "lines": lines}],
        "userModified": False,
        "replaceAll": False,
    }
    yield from talk.call("Edit", given, f"The file {path} has been updated.", result)


def _write(talk: _Conversation) -> Iterator[dict[str, Any]]:
    path, _ = talk.path()
    content = "\n".join(talk.code(talk.rng.randint(5, 40))) + "\n"
    result: dict[str, Any] = {
        "type": "create",
        "filePath": path,
        "content": content,
        "structuredPatch": [],
        "originalFile": None,
    }
    given = {"file_path": path, "content": content}
    yield from talk.call("Write", given, f"File created successfully at: {path}", result)


def _bash(talk: _Conversation) -> Iterator[dict[str, Any]]:
    _, shown = talk.path()
    given = {"command": f"pytest -q {shown} -k {talk.rng.choice(_ROOTS)}", "description": talk.sentence(3, 6)}
    lines = [f"{shown}:{talk.rng.randint(1, 900)}: {talk.sentence(3, 9)}" for _ in range(talk.rng.randint(1, 25))]
    output = "\n".join(lines)
    if talk.rng.random() < 0.12:
        text = f"Exit code {talk.rng.randint(1, 3)}\n{output}"
        yield from talk.call("Bash", given, text, f"Error: {text}", error=True)
        return
    result = {"stdout": output, "stderr": "", "interrupted": False, "isImage": False}
    yield from talk.call("Bash", given, output, result)


def _todo(talk: _Conversation) -> Iterator[dict[str, Any]]:
    statuses = ("completed", "in_progress", "pending", "pending")
    todos = [{"content": talk.sentence(3, 7), "status": status, "activeForm": talk.word()} for status in statuses]
    output = "Todos have been modified successfully. Ensure that you continue to use the todo list."
    yield from talk.call("TodoWrite", {"todos": todos}, output, {"oldTodos": [], "newTodos": todos})


def _grep(talk: _Conversation) -> Iterator[dict[str, Any]]:
    names = [talk.path()[0] for _ in range(talk.rng.randint(1, 12))]
    result = {"mode": "files_with_matches", "filenames": names, "numFiles": len(names)}
    yield from talk.call("Grep", {"pattern": talk.word()}, "\n".join(names), result)


_TOOLS = (_read, _read, _read, _edit, _edit, _bash, _bash, _bash, _write, _todo, _grep)


def _say(talk: _Conversation) -> Iterator[dict[str, Any]]:
    text = talk.text(talk.rng.randint(1, 6))
    if talk.rng.random() < 0.4:
        points = "\n".join(f"- **{talk.word()}**: {talk.sentence()}" for _ in range(talk.rng.randint(2, 5)))
        code = "\n".join(talk.code(talk.rng.randint(4, 15)))
        text = f"{text}\n\n## {talk.sentence(2, 4)}\n\n{points}\n\n```python\n{code}\n```\n\n{talk.sentence()}"
    blocks: list[dict[str, Any]] = [{"type": "text", "text": text}]
    if talk.rng.random() < 0.3:
        blocks.insert(0, {"type": "thinking", "thinking": talk.text(4), "signature": f"{talk.rng.getrandbits(512):x}"})
    yield from talk.answer(blocks)


def _side_chain(talk: _Conversation) -> Iterator[dict[str, Any]]:
    prompt, call_id = talk.text(3), talk.call_id()
    given = {"description": talk.sentence(2, 4), "prompt": prompt, "subagent_type": "general-purpose"}
    yield from talk.answer([{"type": "tool_use", "id": call_id, "name": "Task", "input": given}])
    agent = f"{talk.rng.getrandbits(32):08x}"
    side = _Conversation(talk.session, talk.cwd, talk.rng, talk.time, agent=agent, files=talk.files)
    yield side.record("user", message={"role": "user", "content": prompt})
    for _ in range(talk.rng.randint(1, 4)):
        yield from talk.rng.choice(_TOOLS)(side)
    yield from _say(side)
    talk.time = side.time
    report = [{"type": "text", "text": talk.text(3)}]
    block = {"tool_use_id": call_id, "type": "tool_result", "content": report}
    result = {"status": "completed", "agentId": agent, "content": report, "totalDurationMs": 12_345}
    yield talk.record("user", message={"role": "user", "content": [block]}, toolUseResult=result)


def _turn(talk: _Conversation) -> Iterator[dict[str, Any]]:
    prompt = talk.text(talk.rng.randint(1, 4))
    yield {"type": "file-history-snapshot", "messageId": talk.id(), "snapshot": {"trackedFileBackups": {}}}
    yield talk.record("user", message={"role": "user", "content": prompt})
    for _ in range(talk.rng.randint(2, 10)):
        if talk.rng.random() < 0.4:
            yield from _say(talk)
        yield from talk.rng.choice(_TOOLS)(talk)
    if talk.rng.random() < 0.1:
        yield from _side_chain(talk)
    yield from _say(talk)
    yield talk.record("system", subtype="turn_duration", durationMs=talk.rng.randint(1_000, 90_000), isMeta=False)


def records(seed: int) -> Iterator[dict[str, Any]]:
    """Records of one endless session."""
    rng = random.Random(seed)
    session = f"{rng.getrandbits(128):032x}"
    talk = _Conversation(session, f"/home/dev/project-{seed}", rng, _START)
    turn = 0
    while True:
        turn += 1
        yield from _turn(talk)
        if turn % 50 == 1:
            yield {"type": "summary", "summary": talk.sentence(3, 6), "leafUuid": talk.parent}


def generate_claude(path: Path, *, seed: int, events: int | None = None, bytes: int | None = None) -> int:
    """Writes a transcript of about so many records or bytes; gives the number of records."""
    written = count = 0
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    with path.open("wb") as file:
        for record in records(seed):
            line = encode(record).encode() + b"\n"
            file.write(line)
            written += len(line)
            count += 1
            if (events is not None and count >= events) or (bytes is not None and written >= bytes):
                break
    return count


def main() -> None:
    """Writes one transcript from the command line."""
    parser = argparse.ArgumentParser(description="Write a made-up Claude Code transcript.")
    parser.add_argument("path", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--records", type=int)
    parser.add_argument("--bytes", type=int)
    arguments = parser.parse_args()
    size = arguments.bytes if arguments.records or arguments.bytes else 10_000_000
    print(generate_claude(arguments.path, seed=arguments.seed, events=arguments.records, bytes=size))


if __name__ == "__main__":
    main()
