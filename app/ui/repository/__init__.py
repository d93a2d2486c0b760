"""What the panel of the repository is made of: its reader, its list and bars, and where a commit is written."""
