"""Points from their acceptance to their file, and how they are read meanwhile."""
