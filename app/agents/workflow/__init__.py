"""Workflows: steps from a YAML file that run commands, check, edit and ask agents, with no model of their own.

`parsing` reads and checks a file, `runner` does what it says. docs/workflows.md is the reference for people.
"""
