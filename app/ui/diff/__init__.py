"""The view of a file's change: rows, their painting, and the model that accessibility reads."""
