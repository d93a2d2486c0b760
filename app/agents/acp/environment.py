"""The environment of an external agent: the person's own, since it reads its own settings and keys, and nothing of
ours."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

OWN_PREFIX = "LOVELACE_"
_LIBRARY_PATHS = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


def agent_environment(own: Mapping[str, str], variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables of an agent's process. own: what this agent needs beside the person's.

    A packaged program has library paths of its own in its environment, which are of no use to others.
    """
    known = dict(os.environ if variables is None else variables)
    for name in _LIBRARY_PATHS:
        before = known.pop(f"{name}_ORIG", None)
        if before is not None:
            known[name] = before
        elif getattr(sys, "frozen", False):
            known.pop(name, None)
    kept = {name: value for name, value in known.items() if not name.startswith(OWN_PREFIX)}
    return {**own, **kept}
