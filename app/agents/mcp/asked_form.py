"""The form that a permission request shows where a server asks for values. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.agents.mcp.consent import Elicitation
from app.agents.mcp.schema import fields_of
from app.sessions.events import PermissionRequest

ELICITATION = "elicitation"
"""The name of such a request."""


def request_input(wanted: Elicitation) -> dict[str, Any]:
    """What a request for it shows, and is filled in by."""
    asked: dict[str, Any] = {"url": wanted.url} if wanted.url else {"schema": dict(wanted.schema)}
    return {"message": wanted.message, **asked}


def form_schema(request: PermissionRequest) -> Mapping[str, Any] | None:
    """The schema of what is to be filled in; None where a yes or no answers the request."""
    asked = request.input if request.name == ELICITATION and isinstance(request.input, dict) else {}
    schema = asked.get("schema")
    return schema if isinstance(schema, dict) and fields_of(schema) else None
