"""The HTTP API, asked as the user who is logged in."""
