"""Recorded conversations with real agents, as scripts that `acp_agent.py` plays again.

What the agent did to files by itself is done again; what it asked for is asked for, and waited for, again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "fixtures" / "acp"
RECORDED_FOLDER = "/home/ana/demo"
AGENTS = ("opencode", "qwen", "vibe")


def recorded_script(agent: str, **changes: Any) -> dict[str, Any]:
    """The script of a recording: the first turn works, the second speaks until it is cancelled."""
    lines = [json.loads(line.replace(RECORDED_FOLDER, "{cwd}")) for line in _text(agent).splitlines()]
    kinds = [line["ev"] for line in lines]
    done, cancelled = kinds.index("prompt_done"), kinds.index("cancel_done")
    again = kinds.index("initialize", 1)
    answers = {
        kind: line["data"] for kind, line in zip(kinds, lines, strict=True) if kind.startswith(("session", "init"))
    }
    created = answers["session/new"] | {"sessionId": "s1"}
    writes_itself = "fs/write" not in kinds
    begun = kinds.index("session/new") + 1
    work = [step for line in lines[begun:done] for step in _steps(line, writes_itself)]
    speaking = [step for line in lines[done + 1 : cancelled] for step in _steps(line, writes_itself)]
    return {
        "initialize": answers["initialize"],
        "new": created,
        "load": answers.get("session/load", {}),
        "resume": answers.get("session/resume", {}),
        "list": answers.get("session/list", {}),
        "replay": [line["data"] for line in lines[again:] if line["ev"] == "update"],
        "turns": [[*work, {"answer": lines[done]["data"]}], [*speaking, {"wait": 3600}]],
    } | changes


def updates(agent: str) -> list[dict[str, Any]]:
    """All updates of a recording."""
    lines = [json.loads(line) for line in _text(agent).splitlines()]
    return [line["data"] for line in lines if line["ev"] == "update"]


def _text(agent: str) -> str:
    return (FOLDER / f"{agent}.jsonl").read_text(encoding="utf-8")


def _steps(line: dict[str, Any], writes_itself: bool) -> Iterator[dict[str, Any]]:
    data = line["data"]
    match line["ev"]:
        case "update":
            for block in data.get("content", []) if writes_itself and data.get("status") == "completed" else []:
                if block.get("type") == "diff":
                    yield {"wait": 0.2}  # as long as the agent itself took
                    yield {"effect": [block["path"], block.get("oldText"), block["newText"]]}
            yield {"update": data}
        case "permission":
            yield {"ask": {**data["toolCall"], "options": data["options"]}}
        case "fs/write":
            yield {"write": [data["path"], data["content"]]}
        case "fs/read":
            yield {"read": data["path"]}
