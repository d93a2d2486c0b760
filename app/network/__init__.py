"""What a home does with others: the network it takes part in, pairing, members and devices, links."""
