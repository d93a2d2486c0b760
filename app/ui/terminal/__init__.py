"""The output of commands: its lines, their cells and colours, the view that paints them, and the list of commands."""
