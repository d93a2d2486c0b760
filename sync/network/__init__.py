"""Running the network for a home: who runs it, whom to connect to, and the conversations. Asynchronous, no Qt."""
