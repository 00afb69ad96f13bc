"""The command line of the master's host."""
