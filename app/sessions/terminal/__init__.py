"""What programs send to a terminal: text, pens and colours. For the window and for exported pages alike."""
