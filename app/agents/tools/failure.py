"""What a tool raises when it cannot do what was asked."""

from __future__ import annotations


class ToolFailure(Exception):
    """The tool cannot do it.

    The text goes to the model and into the session, and names no path of this machine.
    """
