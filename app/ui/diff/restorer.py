"""Putting files back from the window: what it will overwrite is said first, and it can be undone. Nothing is modal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from app.agents.files.restoring import Restored, plan_restore, plan_targets, read_session_files, restore
from app.errors import UserError
from app.sessions.file_changes import Step, drift_sentence, restore_sentence, skipped_sentence

if TYPE_CHECKING:
    from app.agents.files.restoring import SessionFiles
    from app.sessions.files import Content
    from app.ui.desk import Desk
    from app.workspace import Workspace


class Restorer:
    """done: called when files were written."""

    def __init__(self, desk: Desk, done: Callable[[], object]) -> None:
        self._desk = desk
        self._done = done

    def propose(self, files: SessionFiles, targets: Mapping[str, Content]) -> None:
        """Work out what putting these contents there would do, and offer it."""
        plan = partial(plan_targets, self._desk.workspace, files, dict(targets))
        self._desk.bridge.compute(plan, lambda steps: self._offer(files, steps), self._desk.report)

    def _offer(self, files: SessionFiles, steps: Sequence[Step]) -> None:
        sentence, warning = restore_sentence(steps), drift_sentence(steps)
        refused = [(step.path, step.why) for step in steps if step.action == "refuse"]
        if not sentence:
            self._tell_nothing(refused)
            return
        parts = [sentence, warning, skipped_sentence(refused) if refused else "", "What is there now is kept."]
        text = " ".join(part for part in parts if part)
        self._desk.offer(text, "Restore", lambda: self.carry_out(files, steps))

    def _tell_nothing(self, refused: Sequence[tuple[str, str]]) -> None:
        if refused:
            self._desk.report(UserError(skipped_sentence(refused)))
        else:
            self._desk.say("Nothing to restore: the files on the disk are like that already.")

    def carry_out(self, files: SessionFiles, steps: Sequence[Step], word: str = "Restored") -> None:
        """Do what was agreed to. word: what is said then, with a way to undo it."""
        work = partial(restore, self._desk.workspace, files, steps)
        self._desk.bridge.compute(work, lambda done: self._after(files.session, done, word), self._desk.report)

    def _after(self, session: str, done: Restored, word: str) -> None:
        self._done()
        if done.skipped:
            self._desk.report(UserError(skipped_sentence(done.skipped)))
        if done.turn is not None and done.paths:
            count = "1 file" if len(done.paths) == 1 else f"{len(done.paths)} files"
            self._desk.offer(f"{word} {count}.", "Undo", lambda: self._undo(session, done))

    def _undo(self, session: str, done: Restored) -> None:
        work = partial(_undo, self._desk.workspace, session, done)
        self._desk.bridge.compute(work, lambda undone: self._after(session, undone, "Put back"), self._desk.report)


def _undo(workspace: Workspace, session: str, done: Restored) -> Restored:
    """Back to what was there before a restoring, for the files that it changed."""
    files = read_session_files(workspace, session, turns=True)
    steps = [step for step in plan_restore(workspace, files, done.turn) if step.path in done.paths]
    return restore(workspace, files, steps)
