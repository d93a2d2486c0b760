"""Random processes that write, read, import, rebuild and are killed, next to a simple model of what must be there.

The model is three sets: what was acknowledged is there once; what was under way when its process was killed is there
whole or not at all; what a killed process was saying is there as an interrupted message.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.sessions.events import AgentMessage, UserMessage
from app.workspace import Credentials, Workspace
from tests.e2e.conftest import PASSPHRASE, Program
from tests.helpers.checking import check_home
from tests.soak.worker import IMPORTED

ROOT = Path(__file__).parents[2]
WORKERS = 3
_KINDS = ("append", "append", "append", "append", "draft", "draft", "say", "import", "note", "rebuild")


@dataclass
class Model:
    """texts: acknowledged prompts and answers. open: groups of texts that are there whole or not at all.

    drafts: by turn, texts one of which must be there as an interrupted message. sources: events acknowledged of each.
    """

    texts: set[str] = field(default_factory=set)
    open: list[list[str]] = field(default_factory=list)
    lines: set[str] = field(default_factory=set)
    sources: dict[str, int] = field(default_factory=dict)
    drafts: dict[str, list[str]] = field(default_factory=dict)
    answered: int = 0
    killed: int = 0


class Worker:
    """A process with the command it works on; turn: what it is saying, with the text it last saved."""

    def __init__(self, program: Program, session: str, turn: str) -> None:
        command = [sys.executable, "-m", "tests.soak.worker", str(program.home), session]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.turn = turn
        self.saved: str | None = None
        self.command: dict[str, Any] | None = {"do": "start"}

    def tell(self, command: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.command = command
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def wait(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "a worker ended by itself"
        return json.loads(line)

    def end(self) -> None:
        """Let it finish."""
        self.process.communicate(timeout=60)
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


class RandomProcesses:
    """Takes random steps on a home that is there; `check` compares."""

    def __init__(self, program: Program, seed: int) -> None:
        self.model = Model()
        self._program = program
        self._random = random.Random(seed)
        self._names = itertools.count()
        with self._opened() as home:
            self._session = home.write(lambda operations: operations.create(title="Soak"))
        self._workers = [self._begin() for _ in range(WORKERS)]

    def _opened(self) -> Any:
        return contextlib.closing(Workspace.open(self._program.home, Credentials(PASSPHRASE.encode())))

    def _begin(self) -> Worker:
        return Worker(self._program, self._session, f"turn{next(self._names)}")

    def step(self) -> None:
        """One random thing: tell a worker, wait for one, kill one, read with the real program."""
        at = self._random.randrange(len(self._workers))
        worker = self._workers[at]
        if worker.command is not None and self._random.random() < 0.12:
            time.sleep(self._random.random() * 0.02)
            worker.kill()
            self._lose(worker)
            self._workers[at] = self._begin()
        elif worker.command is not None:
            self._answered(worker, worker.wait())
        elif self._random.random() < 0.005:
            self._read()
        else:
            worker.tell(self._command(worker))

    def _command(self, worker: Worker) -> dict[str, Any]:
        name = f"n{next(self._names)}"
        match self._random.choice(_KINDS):
            case "append":
                return {"do": "append", "texts": [f"{name} {part}" for part in range(self._random.randint(1, 5))]}
            case "draft":
                return {"do": "draft", "text": f"{name} half", "turn": worker.turn}
            case "say":
                return {"do": "say", "text": f"{name} said", "turn": worker.turn}
            case "import":
                return {"do": "import", "source": f"source{self._random.randrange(6)}"}
            case "note":
                return {"do": "note", "line": f"{name} line"}
        return {"do": "rebuild"}

    def _answered(self, worker: Worker, answer: Any) -> None:
        command, worker.command = worker.command, None
        self.model.answered += 1
        match command:
            case {"do": "append", "texts": texts}:
                self.model.texts.update(texts)
            case {"do": "say", "text": text}:
                self.model.texts.add(text)
                worker.saved = None
            case {"do": "draft", "text": text}:
                worker.saved = text
            case {"do": "note", "line": line}:
                self.model.lines.add(line)
            case {"do": "import", "source": source}:
                self.model.sources[source] = max(answer, self.model.sources.get(source, 0))

    def _lose(self, worker: Worker) -> None:
        """What is known of a worker that was killed in the middle of a command."""
        self.model.killed += 1
        saved = [] if worker.saved is None else [worker.saved]
        match worker.command:
            case {"do": "append", "texts": texts}:
                self.model.open.append(texts)
            case {"do": "say", "text": text}:
                saved.append(text)  # said: then what was saved before is gone
            case {"do": "draft", "text": text}:
                saved.append(text)
        if worker.saved is not None:
            self.model.drafts[worker.turn] = saved
        elif saved:
            self.model.open.append(saved)

    def _read(self) -> None:
        result = self._program.run("--json", "sessions", "show", self._session)
        assert result.code == 0, result.err
        texts = {line.get("text") for line in result.lines}
        assert self.model.texts <= texts

    def check(self) -> None:
        """End all processes and compare."""
        for worker in self._workers:
            if worker.command is not None:
                self._answered(worker, worker.wait())
            if worker.saved is not None:
                self.model.drafts[worker.turn] = [worker.saved]
            worker.end()
        with self._opened() as home:
            check_home(home)
            self._compare(home)

    def close(self) -> None:
        """Leave no process behind, whatever happened."""
        for worker in self._workers:
            worker.kill()

    def _compare(self, home: Workspace) -> None:
        events = home.read(lambda queries: list(queries.iterate(self._session)))
        said = [event.body.text for event in events if isinstance(event.body, UserMessage | AgentMessage)]
        assert len(set(said)) == len(said), "something stands twice"
        assert self.model.texts <= set(said), self.model.texts - set(said)
        allowed = set(self.model.texts)
        for texts in self.model.open:
            assert len(set(texts) & set(said)) in (0, len(texts)), texts
            allowed.update(texts)
        for turn, texts in self.model.drafts.items():
            assert len(set(texts) & set(said)) == 1, (turn, texts)
            allowed.update(texts)
        assert set(said) <= allowed, set(said) - allowed
        broken = {
            event.body.text for event in events if isinstance(event.body, AgentMessage) and event.body.interrupted
        }
        assert all("half" in text for text in broken)
        assert home.read(lambda queries: queries.drafts(self._session)) == []
        lines = home.read(lambda queries: queries.note(self._session)).split("\n")
        assert self.model.lines <= set(lines) and len(set(lines)) == len(lines)
        for source, count in self.model.sources.items():
            session = home.write(lambda operations, source=source: operations.open_import("soak", source).session)
            found = [event.body for event in home.read(lambda q, session=session: list(q.iterate(session)))]
            texts = [body.text for body in found if isinstance(body, UserMessage)]
            assert texts == [f"{source} {number}" for number in range(len(texts))] and count <= len(texts) <= IMPORTED
