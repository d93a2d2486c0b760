"""Chats of Gemini CLI: `~/.gemini/tmp/<project>/chats/session-*.jsonl`, older ones `session-*.json`.

An older chat is one object `{sessionId, projectHash, startTime, messages: […]}`, written anew with each message. In a
newer one this stands in the first line without the messages, which follow one a line; a message that has grown (by
tokens, by tool calls) is written again under its id, `{"$set": {…}}` changes what the first line says or puts other
messages in the place of all, and `{"$rewindTo": id}` takes back a message and what came after it, which is a fork here.
Messages have `type` user, gemini, info, warning or error; those of gemini `thoughts`, `toolCalls` with their results,
`tokens` and `model`. Follows what versions 0.3 to 0.61 write; what is not known is kept as a `notice`.
"""

from __future__ import annotations

from app.importers.gemini.reader import Reader, recognise

__all__ = ["Reader", "recognise"]
