"""An agent for tests that speaks the Agent Client Protocol over its standard streams, as a program of its own.

    python tests/helpers/acp_agent.py SCRIPT.json

A script is {"turns": [[step, …], …], …}; the n-th prompt of the process plays the n-th turn, the last one again and
again. A step is an object with one of these keys:

    say, think: text, in words          update: an update as it is         ask: a permission request's toolCall
    write: [path, text], read: path     run: a command, really run, told with its output while it runs
    effect: [path, old, new]            wait: seconds, or until cancelled  die: exit code, in the middle of a line
    raw: text for stdout                stderr: text                       request: [method, params]
    flood: how many updates             answer: the answer to the prompt, in place of {"stopReason": "end_turn"}
    error: [code, message, data]

Of the script also: "initialize", "new", "load", "resume", "list": what is answered ("new" may be an "error"); "replay":
updates that are sent before a session that is loaded stands; "deaf": cancelling is not heard; "silent": methods that
are never answered; "log": a file that gets every message that comes.

Texts hold {cwd} for the folder, {prompt} for the text of the prompt.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from pathlib import Path
from typing import Any


class Stop(Exception):
    """The prompt was cancelled."""


class Agent:
    def __init__(self, script: dict[str, Any]) -> None:
        self.script = script
        self.cwd = ""
        self.prompt_text = ""
        self.prompts = 0
        self.ids = 0
        self.waiting: dict[int, asyncio.Future[Any]] = {}
        self.prompting: asyncio.Task[None] | None = None
        self.tasks: set[asyncio.Task[None]] = set()
        self.answers: list[Any] = []

    # the wire

    def send(self, **message: Any) -> None:
        self.print(json.dumps({"jsonrpc": "2.0", **message}) + "\n")

    def print(self, text: str) -> None:
        sys.stdout.buffer.write(text.encode("utf-8", "surrogatepass"))
        sys.stdout.buffer.flush()

    def update(self, update: dict[str, Any]) -> None:
        self.send(method="session/update", params={"sessionId": "s1", "update": self.fill(update)})

    async def request(self, method: str, params: dict[str, Any]) -> Any:
        self.ids += 1
        self.waiting[self.ids] = asyncio.get_running_loop().create_future()
        self.send(id=self.ids, method=method, params={"sessionId": "s1", **self.fill(params)})
        return await self.waiting[self.ids]

    def fill(self, value: Any) -> Any:
        written = json.dumps(value).replace("{cwd}", json.dumps(self.cwd)[1:-1])
        return json.loads(written.replace("{prompt}", json.dumps(self.prompt_text)[1:-1]))

    async def serve(self) -> None:
        reader = asyncio.StreamReader(limit=100 << 20)
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            self.take(json.loads(line))

    def take(self, message: dict[str, Any]) -> None:
        if "log" in self.script:
            with open(self.script["log"], "a") as log:
                log.write(json.dumps(message) + "\n")
        method, params = message.get("method"), message.get("params") or {}
        if method is None:
            self.waiting.pop(message["id"]).set_result(message.get("result", message.get("error")))
        elif method == "session/cancel":
            if self.prompting is not None and not self.script.get("deaf"):
                self.prompting.cancel()
        elif method in self.script.get("silent", ()):
            pass
        elif method == "session/prompt":
            self.prompting = asyncio.ensure_future(self.play(message["id"], params))
        else:
            self.answer(message["id"], method, params)

    def answer(self, identifier: Any, method: str, params: dict[str, Any]) -> None:
        name = method.rpartition("/")[2]
        self.cwd = params.get("cwd", self.cwd)
        if name in ("load", "resume"):
            for update in self.script.get("replay", []):
                self.update(update)
        standard = {
            "initialize": {
                "protocolVersion": 1,
                "agentCapabilities": {},
                "agentInfo": {"name": "test", "version": "1"},
            },
            "new": {"sessionId": "s1"},
        }
        result = self.script.get(name, standard.get(name, {}))
        if "error" in result:
            code, text, data = result["error"]
            self.send(id=identifier, error={"code": code, "message": text, "data": data})
        else:
            self.send(id=identifier, result=self.fill(result))

    # a turn

    async def play(self, identifier: Any, params: dict[str, Any]) -> None:
        turns = self.script["turns"]
        turn = turns[min(self.prompts, len(turns) - 1)]
        self.prompts += 1
        self.prompt_text = "\n".join(block.get("text", "") for block in params["prompt"])
        try:
            answer: dict[str, Any] = {"stopReason": "end_turn"}
            for step in turn:
                (kind, value) = next(iter(step.items()))
                if kind == "answer":
                    answer = value
                elif kind == "error":
                    code, text, data = value
                    return self.send(id=identifier, error={"code": code, "message": text, "data": data})
                else:
                    await getattr(self, f"step_{kind}")(value)
            self.send(id=identifier, result=answer)
        except (asyncio.CancelledError, Stop):
            self.send(id=identifier, result={"stopReason": "cancelled"})

    async def step_say(self, text: str, kind: str = "agent_message_chunk") -> None:
        for word in re.findall(r"\S*\s*", self.fill(text)):
            if word:
                self.update({"sessionUpdate": kind, "content": {"type": "text", "text": word}})
                await asyncio.sleep(0)

    async def step_think(self, text: str) -> None:
        await self.step_say(text, "agent_thought_chunk")

    async def step_update(self, update: dict[str, Any]) -> None:
        self.update(update)

    async def step_ask(self, call: dict[str, Any]) -> None:
        options = call.pop("options", None) or [
            {"optionId": "yes", "name": "Yes", "kind": "allow_once"},
            {"optionId": "ever", "name": "Always", "kind": "allow_always"},
            {"optionId": "no", "name": "No", "kind": "reject_once"},
        ]
        answer = await self.request("session/request_permission", {"toolCall": call, "options": options})
        self.answers.append(answer)
        chosen = answer.get("outcome", {})
        if chosen.get("outcome") == "cancelled":
            raise Stop
        kinds = {one["optionId"]: one["kind"] for one in options if isinstance(one, dict) and "optionId" in one}
        if str(kinds.get(chosen.get("optionId"))).startswith("reject"):
            failed = {"sessionUpdate": "tool_call_update", "toolCallId": call["toolCallId"], "status": "failed"}
            self.update(failed | {"content": [{"type": "content", "content": {"type": "text", "text": "denied"}}]})

    async def step_write(self, value: list[str]) -> None:
        self.answers.append(await self.request("fs/write_text_file", {"path": value[0], "content": value[1]}))

    async def step_read(self, path: str) -> None:
        self.answers.append(await self.request("fs/read_text_file", {"path": path}))

    async def step_request(self, value: list[Any]) -> None:
        self.answers.append(await self.request(value[0], value[1]))

    async def step_tell_answers(self, _nothing: Any) -> None:
        await self.step_say(json.dumps(self.answers))

    async def step_effect(self, value: list[str | None]) -> None:
        change(Path(self.fill(value[0])), value[1], str(value[2]))

    async def step_run(self, command: str) -> None:
        call = {
            "toolCallId": f"run{self.prompts}",
            "kind": "execute",
            "title": command,
            "rawInput": {"command": command},
        }
        self.update({"sessionUpdate": "tool_call", "status": "in_progress", **call})
        await self.step_ask(dict(call))
        process = await asyncio.create_subprocess_shell(command, cwd=self.cwd, stdout=-1, stderr=-2)
        output = ""
        try:
            assert process.stdout is not None
            while data := await process.stdout.read(4096):
                output += data.decode()
                content = [{"type": "content", "content": {"type": "text", "text": output}}]
                told = {"sessionUpdate": "tool_call_update", "toolCallId": call["toolCallId"], "status": "in_progress"}
                self.update(told | {"content": content})
            code = await process.wait()
        except asyncio.CancelledError:
            process.kill()
            raise
        ended = {"sessionUpdate": "tool_call_update", "toolCallId": call["toolCallId"], "status": "completed"}
        self.update(ended | {"rawOutput": {"exitCode": code, "stdout": output}})

    async def step_wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def step_die(self, code: int) -> None:
        self.print('{"jsonrpc": "2.0", "method": "session/upd')
        os._exit(code)

    async def step_raw(self, text: str) -> None:
        self.print(text)

    async def step_big(self, megabytes: int) -> None:
        for _ in range(megabytes):
            self.print("x" * (1 << 20))
        self.print("\n")

    async def step_stderr(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()

    async def step_flood(self, count: int) -> None:
        piece = {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "drop "}}
        for _ in range(count):
            self.update(piece)

    async def step_child(self, seconds: int) -> None:
        """A child in a group of its own that holds the output open."""
        await asyncio.create_subprocess_exec("sleep", str(seconds), start_new_session=True)

    async def step_environment(self, _nothing: Any) -> None:
        await self.step_say(json.dumps(dict(os.environ)))


def change(path: Path, old: str | None, new: str) -> None:
    path.write_text(new if old is None else path.read_text().replace(old, new, 1))


if __name__ == "__main__":
    asyncio.run(Agent(json.loads(Path(sys.argv[1]).read_text())).serve())
