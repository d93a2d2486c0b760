"""The virtualised conversation view: from events to content, to laid-out rows, to pixels."""
