"""The benchmarks: one line each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.benchmarks import (
    agents,
    append,
    backup,
    browser,
    bundles,
    catch_up,
    diff,
    disk,
    external_agents,
    growth,
    idle,
    import_formats,
    import_memory,
    import_rate,
    live,
    long_append,
    long_session,
    mailbox,
    mcp_calls,
    membership,
    redaction,
    search,
    sessions_list,
    terminal,
    transports,
    window,
    window_process,
    writers,
)
from tests.benchmarks.figures import Figure
from tests.benchmarks.place import Place


@dataclass(frozen=True, slots=True)
class Benchmark:
    """run: gives figures in an empty folder of its own."""

    name: str
    about: str
    run: Callable[[Place], Iterator[Figure]]


BENCHMARKS = (
    Benchmark("append", "one durable event, next to plain sqlite3 with FTS5", append.run),
    Benchmark("list", "`sessions list --json` as a whole process", sessions_list.run),
    Benchmark("session", "a session of 100,000 events", long_session.run),
    Benchmark("long", "appending to that session from a new process; rebuild", long_append.run),
    Benchmark("bundles", "closed segments as bundles next to single changes", bundles.run),
    Benchmark("window", "that session in the window", window.run),
    Benchmark("agents", "20 agent sessions streaming at once, in the window", agents.run),
    Benchmark("start", "the window as a process: start, rest, memory", window_process.run),
    Benchmark("browser", "10,000 sessions in their list, and search as you type in it", browser.run),
    Benchmark("terminal", "100,000 lines of output in the terminal panel", terminal.run),
    Benchmark("diff", "a change of 10,000 lines in the panel of changes", diff.run),
    Benchmark("import", "events a second, as a library and as a process", import_rate.run),
    Benchmark("formats", "the same of opencode, Gemini CLI, Goose and Cursor, as a library", import_formats.run),
    Benchmark("backup", "a backup by another process while events are appended", backup.run),
    Benchmark("disk", "size of a home next to what was imported", disk.run),
    Benchmark("writers", "four processes on one session, and how soon another sees it", writers.run),
    Benchmark("idle", "a session open in two processes, nothing to do", idle.run),
    Benchmark("redaction", "texts searched for secrets", redaction.run),
    Benchmark("search", "1,000,000 events, newest first", search.run),
    Benchmark("membership", "the evaluator: 5,000 operations, and one more", membership.run),
    Benchmark("transports", "live connections on loopback: connect, round trip, throughput", transports.run),
    Benchmark("live", "two devices over iroh: events, streamed text, reconnecting, merging", live.run),
    Benchmark("growth", "what members, devices and sessions cost, for docs/growth.md", growth.run),
    Benchmark("catch_up", "100,000 events from one process to another over iroh", catch_up.run),
    Benchmark("mailbox", "10,000 events through a mailbox on a real S3 server", mailbox.run),
    Benchmark("mcp", "1,000 calls to a real MCP server, next to the library alone", mcp_calls.run),
    Benchmark("acp", "10,000 updates of an external agent into the store, and a tool call", external_agents.run),
    Benchmark("memory", "importing a transcript of 1 GB", import_memory.run),
)
