"""The graphite engine: from returns to points in a Carbon."""
