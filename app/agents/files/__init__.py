"""The workspace's files on the disk: what is there, what changes while an agent works, and putting them back."""
