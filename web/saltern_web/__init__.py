"""The console: the fleet in a browser, a client of the HTTP API that has no rights of its own."""
