"""Drivers of the job store: SQLite, and one in memory for tests."""
