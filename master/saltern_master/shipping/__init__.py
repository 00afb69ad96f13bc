"""From returns to points in a Carbon."""
