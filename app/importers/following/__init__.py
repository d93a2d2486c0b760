"""Following transcripts while other tools write them: what has changed, what is new in it, and writing that."""
