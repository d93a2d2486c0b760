"""A model for real coding agents: it writes a file, changes it and runs it with whatever tools the agent offers.

    async with CodingModel(folder=folder) as server: …

What it does next it sees from the conversation itself, since agents ask for titles and the like in between. A prompt
with SLOW in it is answered with a word each twentieth of a second, for a long time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.helpers.model_server import Call, ModelServer, Reply

COMMAND = "python3 hello.py; echo oops >&2; exit 3"
DONE = "Done: I created hello.py, changed it and ran it."
_STEPS = (
    ("write", ("write", "write_file", "WriteFile")),
    ("edit", ("edit", "search_replace", "edit_file", "str_replace")),
    ("run", ("bash", "run_shell_command", "Shell", "shell")),
)
_OLD, _NEW = "print('hello')", "print('hello world')"


@dataclass
class CodingModel(ModelServer):
    """folder: where the file is to be."""

    folder: Path = Path()

    def reply(self, request: dict[str, Any]) -> Reply:
        messages = request["messages"]
        last = max((n for n, message in enumerate(messages) if message["role"] == "user"), default=0)
        tools = {
            tool["function"]["name"]: tool["function"].get("parameters") or {} for tool in request.get("tools") or []
        }
        said = json.dumps(messages[last])
        if "SLOW" in said:
            return Reply(thinking="Slowly.", text=" ".join(f"tick{n}" for n in range(400)), pause=0.05)
        steps = [(kind, name) for kind, names in _STEPS for name in names if name in tools]
        done = sum(message["role"] == "tool" for message in messages[last:])
        if "CODE" not in said or done >= len(steps):
            return Reply(text=DONE if "CODE" in said else "Ready.")
        kind, name = steps[done]
        arguments = {key: self._value(kind, key, schema) for key, schema in tools[name].get("properties", {}).items()}
        needed = {key for key in arguments if key in tools[name].get("required", [])}
        given = {key: value for key, value in arguments.items() if value is not None}
        return Reply(
            thinking="Let me see.", text=f"Next I call {name}.", calls=[Call(name, dict.fromkeys(needed, "x") | given)]
        )

    def _value(self, kind: str, key: str, _schema: dict[str, Any]) -> Any:
        name = key.lower().replace("_", "")
        if name in ("filepath", "path"):
            return str(self.folder / "hello.py")
        values = {
            "content": _OLD + "\n" if kind == "write" else f"<<<<<<< SEARCH\n{_OLD}\n=======\n{_NEW}\n>>>>>>> REPLACE",
            "oldstring": _OLD,
            "newstring": _NEW,
            "oldstr": _OLD,
            "newstr": _NEW,
            "edits": [{"old": _OLD, "new": _NEW, "old_string": _OLD, "new_string": _NEW}],
            "command": COMMAND,
            "description": "Run the script",
        }
        return values.get(name)
