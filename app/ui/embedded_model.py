"""The embedded model in settings and guide: whether it is here, and the way to fetch it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from app.ui.bridge import while_alive
from app.ui.desk import Desk
from app.ui.forms import Prose, Said, Working
from app.ui.job import Job, Step, Stopped

_JOB = "fetching the model"


class EmbeddedModel(QWidget):
    """Whether the embedded model is here, and the way to fetch it. looked: whether it is."""

    looked = Signal(bool)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.is_here = False
        self.state = Prose("Looking…", self)
        self.fetch = QPushButton("Fetch the model", self)
        self.working, self.said = Working("Fetching the model", self), Said(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.state)
        layout.addWidget(self.fetch, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(self.working)
        layout.addWidget(self.said)
        self.fetch.hide()
        self.fetch.clicked.connect(lambda _checked: self._fetch())
        self.working.stop.clicked.connect(self._stop)
        if self._job is not None:
            self._watch(self._job)

    @property
    def is_fetching(self) -> bool:
        """Whether it is on its way."""
        return self._job is not None

    @property
    def _job(self) -> Job | None:
        """The fetching that goes on, begun here or by another widget; it outlives them."""
        return self.desk.requests.findChild(Job, _JOB)

    def look(self) -> None:
        """Read the state anew, off the main thread."""
        self.desk.bridge.compute(_look_for_model, while_alive(self, self._show), while_alive(self, self.said.fail))

    def _show(self, found: tuple[bool, bool, str]) -> None:
        self.is_here, useful, words = found
        self.state.setText(words)
        self.fetch.setVisible(useful and not self.is_here and self._job is None)
        self.looked.emit(self.is_here)

    def _fetch(self) -> None:
        job = Job(self.desk, _fetch_model, self.desk.requests)
        job.setObjectName(_JOB)
        desk = self.desk
        job.done.connect(lambda _path: desk.tell_configured("agents"))
        self._watch(job)
        job.start()

    def _watch(self, job: Job) -> None:
        job.progressed.connect(self._progress)
        job.done.connect(self._arrived)
        job.failed.connect(self._fail)
        self.said.say("")
        self.fetch.hide()
        self.working.begin("Fetching the model…")

    def _arrived(self, _path: object) -> None:
        self._end("The model is here and checked.")

    def _progress(self, done: int, total: int) -> None:
        self.working.word.setText(f"{done / 1e9:.2f} of {total / 1e9:.2f} GB")
        self.working.show_progress(done, total)

    def _stop(self) -> None:
        self.working.word.setText("Stopping after this part…")
        self.working.stop.setEnabled(False)
        if self._job is not None:
            self._job.stop()

    def _fail(self, error: BaseException) -> None:
        self._end("Stopped. What has come is kept.") if isinstance(error, Stopped) else self._end("")
        if not isinstance(error, Stopped):
            self.said.fail(error)

    def _end(self, words: str) -> None:
        self.working.hide()
        self.said.say(words)
        self.look()


def _look_for_model() -> tuple[bool, bool, str]:
    """Whether it is here (unchecked: that takes seconds), whether it could run here, and what to say about it."""
    from app.agents.local import model_store, server

    if not server.is_installed():
        return False, False, "This installation cannot run models itself. Choose a server or a provider."
    model = model_store.EMBEDDED
    files = model_store.list_models()
    if any(file.embedded for file in files):
        return (
            True,
            True,
            f"{model.title}, {model.size / 1e9:.2f} GB, is on this computer. It needs no account.",
        )
    others = ", ".join(file.name for file in files)
    also = f" {others} is here." if others else ""
    return False, True, f"{model.title} is not here yet: {model.size / 1e9:.2f} GB, fetched once for all homes.{also}"


def _fetch_model(step: Step) -> object:
    from app.agents.local import model_store

    return model_store.ensure(model_store.EMBEDDED, step)
