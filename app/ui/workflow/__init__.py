"""Workflows in the window: a file is chosen, checked and given its inputs, then it runs in a session."""
