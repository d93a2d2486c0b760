"""Formats of exports: one file each, and the table of them in `registry.py`."""
