"""Following what other tools write on this computer, for as long as the window is open and the person wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.ui import kept
from app.ui.job import Job, Step

if TYPE_CHECKING:
    from app.commands.following import Following
    from app.ui.desk import Desk

_NAME = "following"


def is_following(desk: Desk) -> bool:
    """Whether it goes on now."""
    return desk.requests.findChild(Job, _NAME) is not None


def wanted_tools(desk: Desk) -> frozenset[str] | None:
    """The formats that the person wants to be followed; None: all, as one switch said in earlier versions."""
    value = desk.setting(kept.FOLLOW)
    if value is True:
        return None
    return frozenset(filter(_is_text, value)) if isinstance(value, list) else frozenset()


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def follow(desk: Desk) -> None:
    """Begin, unless it goes on or the person does not want it (`window.follow`)."""
    wanted = wanted_tools(desk)
    if is_following(desk) or wanted == frozenset():
        return
    running: list[Following] = []

    def work(_step: Step) -> None:
        from app.commands.following import Following
        from app.importers.registry import FORMATS, possible_places

        places = possible_places(formats=[name for name in FORMATS if wanted is None or name in wanted])
        following = Following(desk.workspace, places, tell=_tell_nobody, report=_tell_nobody)
        running.append(following)
        following.run()

    def stop() -> None:
        for following in running:
            following.stop()

    job = Job(desk, work, desk.requests, on_stop=stop)
    job.setObjectName(_NAME)
    job.failed.connect(desk.report)
    job.start()


def follow_anew(desk: Desk) -> None:
    """Begin, end or go on as the person wants it now; what is being read is written before."""
    job = desk.requests.findChild(Job, _NAME)
    if job is None:
        follow(desk)
        return
    for ended in (job.done, job.failed):
        ended.connect(lambda _result: follow(desk))
    stop_following(desk)


def stop_following(desk: Desk) -> None:
    """End it; what is being read is written."""
    job = desk.requests.findChild(Job, _NAME)
    if job is not None:
        job.setObjectName("")
        job.stop()


def _tell_nobody(_what: object) -> None:
    """Sessions appear in the list as they come; that says it all."""
