"""The embedded model: its files, its server and its agent."""
