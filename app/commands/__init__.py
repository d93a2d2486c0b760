"""One declaration per user command, shared by the command line, the menu, the palette and the shortcuts."""
