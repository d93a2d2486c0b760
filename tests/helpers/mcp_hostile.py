"""MCP servers that misbehave, by hand: `python mcp_hostile.py MODE`. `legacy` behaves, as servers of 2025 do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

MODE = sys.argv[1] if len(sys.argv) > 1 else "legacy"
TOOL: dict[str, Any] = {"name": "go", "description": "Go.", "inputSchema": {"type": "object", "properties": {}}}


def send(**message: Any) -> None:
    print(json.dumps({"jsonrpc": "2.0", **message}).replace("Infinity", "1e999"), flush=True)


def read() -> dict[str, Any]:
    line = sys.stdin.readline()
    if not line:
        if MODE == "deaf":
            time.sleep(1000)
        sys.exit(0)
    return dict(json.loads(line))


def ask(method: str, params: dict[str, Any]) -> dict[str, Any]:
    """Ask the client something in the middle of a call."""
    send(id="mine", method=method, params=params)
    while True:
        message = read()
        if message.get("id") == "mine":
            return message


def text(said: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": said}]}


def go(number: Any, token: Any) -> None:
    """Answer a call, in the manner of the mode."""
    match MODE:
        case "hang":
            return
        case "huge":
            start = json.dumps({"jsonrpc": "2.0", "id": number, "result": text("")})
            sys.stdout.write(start.removesuffix('"}]}}'))
            for _ in range(200):
                sys.stdout.write("x" * 200_000)
            sys.stdout.write('"}]}}\n')
            sys.stdout.flush()
        case "halfway":
            sys.stdout.write('{"jsonrpc":"2.0","id":')
            sys.stdout.flush()
            print("killed", os.environ.get("SECRET", ""), file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        case "wrong":
            send(id=number, result={"content": "not a list"})
        case "lies":
            for other in (number + 1, "x", None, number + 100):
                send(id=other, result=text("somebody else's"))
            send(id=number, result=text("mine"))
        case "progress":
            done = 0
            while True:
                done += 1
                send(method="notifications/progress", params={"progressToken": token, "progress": done})
        case "infinite":
            send(method="notifications/progress", params={"progressToken": token, "progress": float("inf")})
            send(id=number, result=text("done"))
        case "elicit":
            schema = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
            answer = ask("elicitation/create", {"message": "Who?", "requestedSchema": schema})
            send(id=number, result=text(json.dumps(answer.get("result"))))
        case "sample":
            messages = [{"role": "user", "content": {"type": "text", "text": "6 × 7?"}}]
            answer = ask("sampling/createMessage", {"messages": messages, "maxTokens": 50})
            send(id=number, result=text(json.dumps(answer.get("result") or answer.get("error"))))
        case "roots":
            send(id=number, result=text(json.dumps(ask("roots/list", {}).get("result"))))
        case "refuses":
            send(id=number, error={"code": -32000, "message": "not today"})
        case _:
            send(id=number, result=text("went"))


def main() -> None:
    """Serve."""
    if MODE == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = (
            "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(1000)  # "
            + os.environ.get("MARK", "")
        )
        subprocess.Popen([sys.executable, "-c", child], start_new_session=True)
    if MODE == "mute":
        time.sleep(1000)
    if MODE == "dies":
        print("no licence", file=sys.stderr, flush=True)
        sys.exit(7)
    while MODE == "garbage":
        print("Server listening on nothing in particular", flush=True)
    if MODE == "greets":
        print("Welcome to the greeting server!\n\n\0\xff", flush=True)
    while True:
        message = read()
        number, method = message.get("id"), message.get("method")
        match method:
            case "initialize":
                capabilities = {"tools": {}}
                info = {"name": "hostile", "version": "0"}
                send(
                    id=number,
                    result={"protocolVersion": "2025-06-18", "capabilities": capabilities, "serverInfo": info},
                )
            case "tools/list" if MODE == "pages":
                send(id=number, result={"tools": [TOOL] * 100, "nextCursor": str(time.monotonic())})
            case "tools/list" if MODE == "many":
                send(id=number, result={"tools": [{**TOOL, "name": f"go{count}"} for count in range(300)]})
            case "tools/list" if MODE == "wrongtools":
                send(id=number, result={"tools": [{"name": 5}]})
            case "tools/list":
                send(id=number, result={"tools": [TOOL]})
            case "tools/call":
                go(number, message["params"].get("_meta", {}).get("progressToken"))
            case _ if number is not None:
                send(id=number, error={"code": -32601, "message": "Method not found"})


if __name__ == "__main__":
    main()
