"""What the pages about devices, members, links and sync are built from, and the dialog that shares a session."""
