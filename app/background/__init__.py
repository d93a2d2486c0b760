"""Tasks and workflows that go on in the background: one process of a home does them, whatever else is open."""
