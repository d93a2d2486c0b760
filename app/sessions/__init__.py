"""The domain: what a session is, how it changes, how it is read."""
