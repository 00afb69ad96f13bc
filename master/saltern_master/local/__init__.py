"""The Unix socket for programs on the master's own host."""
