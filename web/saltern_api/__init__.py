"""The HTTP API: Salt's wire format over the master's socket; it holds no rights of its own."""
