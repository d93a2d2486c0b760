"""The Lovelace application: domain, agents, importers, command line and desktop."""
