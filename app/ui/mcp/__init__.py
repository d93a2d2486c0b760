"""What the page and the panel of MCP servers are made of: forms from schemas, questions of servers, a server's form."""
