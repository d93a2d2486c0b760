"""Agents: backends that answer prompts, the tools they use, and the rules that hold them."""
