"""The server as a process: its parts, options and surroundings."""
