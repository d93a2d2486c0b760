"""The command line `lovelace`: its names, options, exit codes and JSON are a promise to scripts."""
