"""Random processes on one home for as long as one likes: `make soak`."""
