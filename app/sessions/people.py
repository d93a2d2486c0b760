"""What people and devices are called: fields of the note "people" of each workspace, under their ids in hex.

Names are session data: sealed like everything else, and nothing that the membership log knows of. A field has the name
`<id>/name` or, for a device, also `<id>/added` (when it was paired, `iso_time`). A value of a wrong form is no name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

PEOPLE_NOTE = "people"
MAX_NAME = 200
_FIELD = re.compile(r"([0-9a-f]{64})/(name|added)")
_UNSHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")


def people_fields(names: Mapping[str, str], added: Mapping[str, str]) -> dict[str, str]:
    """The fields that say what people and devices are called, and when devices were paired."""
    fields = {f"{ident}/name": clean_name(name) for ident, name in names.items()}
    return fields | {f"{device}/added": time for device, time in added.items()}


def clean_name(name: str) -> str:
    """A name as one short line without what terminals and bidirectional text make of it; '' if nothing is left."""
    return " ".join(_UNSHOWN.sub(" ", name).split())[:MAX_NAME].strip()


def names_in(fields: Mapping[str, str]) -> dict[str, str]:
    """Names by id."""
    return _values(fields, "name")


def added_in(fields: Mapping[str, str]) -> dict[str, str]:
    """When devices were paired, by id."""
    return _values(fields, "added")


def _values(fields: Mapping[str, str], wanted: str) -> dict[str, str]:
    matches = ((_FIELD.fullmatch(name), value) for name, value in fields.items())
    found = {match[1]: clean_name(value) for match, value in matches if match and match[2] == wanted}
    return {ident: value for ident, value in found.items() if value}
