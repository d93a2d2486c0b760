"""What the panel of activity is made of: its reader, its chart of turns and spans, its figures, its files."""
