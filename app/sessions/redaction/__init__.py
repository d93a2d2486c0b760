"""Secrets in what is captured: finding them, what stands in their place, and where they are kept."""
