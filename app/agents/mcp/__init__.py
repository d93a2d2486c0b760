"""MCP: servers whose tools people and agents use (the client), and Lovelace as such a server (`serving`)."""
