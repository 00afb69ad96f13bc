"""From targets to series."""
