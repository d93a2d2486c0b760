"""A session whose turns change real files in a bound folder, with everything recorded as an agent's tools record it."""

from __future__ import annotations

from pathlib import Path

from app.agents.files.changes import NO_FILE, Side, file_change
from app.sessions.events import BlobRef, Body, Checkpoint, CheckpointFile, Draft, FileChange, ToolCall, UserMessage
from app.workspace import Workspace


class ChangedSession:
    """Files are written below `folder`."""

    def __init__(self, home: Workspace, folder: Path, title: str = "Changes") -> None:
        self.home, self.folder = home, folder
        folder.mkdir(exist_ok=True)
        home.use(home.write(lambda operations: operations.open_folder(folder)))
        self.session: str = home.write(lambda operations: operations.create(title=title, cwd=str(folder)))
        self.touched: set[str] = set()

    def tell(self, turn: str, *bodies: Body) -> None:
        now = self.home.clock.now_ms()
        drafts = [Draft(body=body, time=now, turn=turn) for body in bodies]
        self.home.write(lambda operations: operations.append(self.session, drafts))

    def keep(self, data: bytes | None) -> BlobRef | None:
        return None if data is None else self.home.write(lambda operations: operations.put_blob(data))

    def bytes(self, name: str) -> bytes | None:
        path = self.folder / name
        return path.read_bytes() if path.is_file() else None

    def begin(self, turn: str, prompt: str = "") -> None:
        """A prompt and the checkpoint of what was touched."""
        files = [CheckpointFile(path=name, blob=self.keep(self.bytes(name))) for name in sorted(self.touched)]
        self.tell(turn, UserMessage(text=prompt or turn), Checkpoint(files=tuple(files)))

    def side(self, data: bytes | None) -> Side:
        return NO_FILE if data is None else Side(True, data, self.keep(data))

    def put(self, turn: str, name: str, data: bytes | None, call: str | None = None) -> str:
        """Write a file (None: delete it); the id of the event."""
        path, before = self.folder / name, self.bytes(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True) if data is None else path.write_bytes(data)
        self.touched.add(name)
        if call is not None:
            self.tell(turn, ToolCall(call_id=call, name="write", title="Write", tool_kind="edit"))
        self.tell(turn, file_change(name, self.side(before), self.side(data), "tool", call))
        return self.newest()

    def newest(self, kind: str = "file_change") -> str:
        """The id of the newest event of a kind."""
        return self.home.read(lambda queries: queries.events(self.session, kinds=[kind], limit=1))[0].id

    def record(self, turn: str, change: FileChange) -> str:
        """A change that is only told of, as imports do."""
        self.tell(turn, change)
        return self.newest()
