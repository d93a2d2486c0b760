"""Pictures of the window with made-up sessions in it, for looking at: `python -m tests.pictures FOLDER`."""
