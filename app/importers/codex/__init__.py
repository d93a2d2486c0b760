"""Rollouts of Codex: `~/.codex/sessions/Y/M/D/rollout-*.jsonl`.

One `{timestamp, type, payload}` a line: `session_meta` and `turn_context` say where and with which model,
`response_item` holds what the model was sent and answered, `event_msg` what the interface was told (which repeats much
of it), `compacted` a shortened history. Older rollouts are bare response items after a first line
`{id, timestamp, instructions}`. Versions 0.2 to 0.149 are known; what is not is kept as a `notice`.
"""

from __future__ import annotations

from app.importers.codex.reader import Reader, recognise

__all__ = ["Reader", "recognise"]
