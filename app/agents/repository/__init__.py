"""The repository that a workspace's folder is in: what git says of it, staging, and what a commit needs."""
