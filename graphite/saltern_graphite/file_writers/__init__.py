"""Drivers of :mod:`saltern_graphite.file_writers.base`."""
