"""Requests that see a part of the store: as if there were nothing else in it."""
