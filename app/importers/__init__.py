"""Importers: sessions that other tools left on the disk, read as one stream of drafts per format."""
