"""The published JSON schema of workflow files, generated from `model.py`, for editors and other programs.

`python -m app.agents.workflow.schema` writes `resources/workflow.schema.json`; a test keeps the two equal. What YAML
reads as a number or a truth value is taken for a text where a text is wanted, so the schema allows it there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from app.agents.workflow.model import KINDS, Workflow

SCHEMA_PATH = Path(__file__).parents[3] / "resources" / "workflow.schema.json"


def workflow_schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of a workflow file."""
    kinds = tuple(KINDS.values())
    _, definitions = msgspec.json.schema_components((Workflow, *kinds), ref_template="#/$defs/{name}")
    for definition in definitions.values():
        definition.pop("title", None)
        definition["description"] = " ".join(definition["description"].split())
        definition["properties"] = {name: _loose(one) for name, one in definition["properties"].items()}
    definitions["Step"] = {"anyOf": [{"$ref": f"#/$defs/{kind.__name__}"} for kind in kinds]}
    root = definitions.pop("Workflow")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Lovelace workflow",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


def _loose(schema: dict[str, Any]) -> dict[str, Any]:
    """A field as YAML may write it: without a null for what is left out, and numbers where a text is wanted."""
    changed = {key: value for key, value in schema.items() if not (key == "default" and value is None)}
    if "anyOf" in changed:
        members = [_loose(one) for one in changed.pop("anyOf") if one != {"type": "null"}]
        return {**(members[0] if len(members) == 1 else {"anyOf": members}), **changed}
    if changed.get("type") == "string":
        changed["type"] = ["string", "number", "boolean"]
    for key in ("items", "additionalProperties"):
        if isinstance(changed.get(key), dict):
            changed[key] = _loose(changed[key])
    return changed


if __name__ == "__main__":
    text = msgspec.json.format(msgspec.json.encode(workflow_schema()), indent=2).decode()
    SCHEMA_PATH.write_text(text + "\n", encoding="utf-8")
