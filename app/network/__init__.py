"""Other devices and people: pairing, joining, members and devices, over an open home and a live transport."""
