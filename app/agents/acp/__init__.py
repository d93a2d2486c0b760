"""External agents that speak the Agent Client Protocol over their standard streams (opencode, Claude Code, …)."""
