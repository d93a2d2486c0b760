"""The first-run guide: three steps at most, each of which can be skipped, that end in a working chat."""
