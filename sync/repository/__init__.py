"""Documents in memory over their rows: opening and mending them, taking in what others wrote, bundling closed ones."""
