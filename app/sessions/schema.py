"""The published JSON schema of all event kinds, generated from `events.py`.

`python -m app.sessions.schema` writes `resources/events.schema.json`; a test keeps the two equal. It describes events
as `sessions show --json` and exports print them; kinds and fields it does not name may be there too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from app.sessions.events import KINDS, KNOWN_KINDS

SCHEMA_PATH = Path(__file__).parents[2] / "resources" / "events.schema.json"
_ID = {"type": "string", "pattern": "^[0-9A-HJKMNP-TV-Z]{26}$"}
_COMMON: dict[str, Any] = {
    "id": _ID,
    "session": _ID,
    "turn": {"type": ["string", "null"]},
    "time": {"type": "string", "pattern": r"^-?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"},
    "source": {"type": "string", "description": "Imports: `format:source session:source id`."},
    "damaged": {"type": "boolean"},
    "partial": {"type": "boolean", "description": "The fields of the kind are not on this device, or do not fit it."},
    "author": {
        "type": "object",
        "required": ["identity", "device", "name", "agent"],
        "properties": {
            "identity": {"type": "string"},
            "device": {"type": "string"},
            "name": {"type": "string"},
            "agent": {"type": ["string", "null"]},
        },
    },
}


def events_schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of one event."""
    kinds, definitions = msgspec.json.schema_components(KNOWN_KINDS, ref_template="#/$defs/{name}")
    for name in {kind["$ref"].rsplit("/", 1)[1] for kind in kinds}:
        definition = definitions[name]
        definition["properties"] = _COMMON | definition["properties"]
        definition["required"] = ["id", "session", "turn", "time", "author", *definition["required"]]
    unknown = {
        "type": "object",
        "properties": _COMMON | {"kind": {"type": "string"}},
        "required": ["id", "session", "turn", "time", "author", "kind"],
        "anyOf": [
            {"properties": {"kind": {"not": {"enum": list(KINDS)}}}},
            {"properties": {"partial": {"const": True}}, "required": ["partial"]},
        ],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Lovelace event",
        "anyOf": [*kinds, {"$ref": "#/$defs/Unknown"}],
        "$defs": definitions | {"Unknown": unknown},
    }


if __name__ == "__main__":
    text = msgspec.json.format(msgspec.json.encode(events_schema()), indent=2).decode()
    SCHEMA_PATH.write_text(text + "\n", encoding="utf-8")
