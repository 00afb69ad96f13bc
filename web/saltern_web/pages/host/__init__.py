"""One host: its charts, and what it says of itself."""
