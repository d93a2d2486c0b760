"""Automerge documents: the only code that touches the `automerge` package, and the formats built on it."""
