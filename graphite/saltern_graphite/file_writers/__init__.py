"""Drivers of :mod:`saltern_graphite.file_writer`."""
