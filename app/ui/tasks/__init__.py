"""Tasks in the window: beginning one with its rules, and what is done with one that goes on."""
