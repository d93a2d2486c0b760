"""Lists of things to do, which several tools keep in much the same form."""

from __future__ import annotations

from typing import Literal

from app.importers.values import as_dict, as_list, as_text
from app.sessions.events import Body, Plan, PlanEntry

PlanStatus = Literal["pending", "in_progress", "completed"]
Priority = Literal["high", "medium", "low"]

_STATUSES: dict[str, PlanStatus] = {"in_progress": "in_progress", "completed": "completed"}
_PRIORITIES: dict[str, Priority] = {"high": "high", "low": "low"}


def plan_bodies(todos: object) -> list[Body]:
    """The plan of a list of `{content or description, status, priority}`; none where nothing is in it."""
    entries = [entry for todo in as_list(todos) if (entry := _entry(todo))]
    return [Plan(entries=tuple(entries))] if entries else []


def _entry(todo: object) -> PlanEntry | None:
    if isinstance(todo, str):
        return PlanEntry(text=todo) if todo else None
    fields = as_dict(todo)
    text = as_text(fields.get("content")) or as_text(fields.get("description")) or as_text(fields.get("activeForm"))
    if not text:
        return None
    return PlanEntry(
        text=text,
        status=_STATUSES.get(as_text(fields.get("status")), "pending"),
        priority=_PRIORITIES.get(as_text(fields.get("priority")), "medium"),
    )
