"""Drivers of returners: Salt's tables in MySQL, PostgreSQL and SQLite, and lists in memory for tests."""
