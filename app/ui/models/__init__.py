"""Qt item models over what the workspace's queries return."""
