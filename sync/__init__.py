"""Headless sync engine: identities, membership, documents, store. Knows no sessions and no user interface."""
