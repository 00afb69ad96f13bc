"""Databases: where one is, its connections, what its errors mean, and JSON as its columns take it."""
