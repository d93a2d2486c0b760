"""The process that holds the embedded model: `python -m app.agents.local.server_process MODEL CONTEXT THREADS`.

It serves the OpenAI protocol on a free port of loopback to whoever has the key, which comes as the first line of stdin.
Its first line on stdout is the address. It ends when stdin does, so it never outlives the program that started it.
"""

from __future__ import annotations

import os
import sys

IDLE_SECONDS = 600
"""After this long without a request the model's memory is given back; the next request loads it again."""


def main(model: str, context: int, threads: int) -> None:
    """Load the model, say where it is, wait for the end of stdin. What the library prints goes to stderr."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    key = sys.stdin.readline().strip()
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = model
    parameters.n_ctx = context
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = threads
    parameters.cpuparams_batch.n_threads = threads
    parameters.cpuparams.poll = 0  # waiting threads sleep: spinning starves them all when the machine has other work
    parameters.cpuparams_batch.poll = 0
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.api_keys = [key]
    parameters.ui = False
    parameters.endpoint_slots = False
    parameters.cors_origins = "null"
    parameters.cache_ram_mib = 512  # lets a conversation go on after a short question in between
    parameters.sleep_idle_seconds = IDLE_SECONDS
    server = xllamacpp.Server(parameters)
    out.write(server.listening_address + "\n")
    out.flush()
    sys.stdin.read()
    os._exit(0)  # the library's own shutdown waits for requests that nobody reads any more


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
