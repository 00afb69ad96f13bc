"""The program: its options, the site, the server."""
