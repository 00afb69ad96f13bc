"""Files from folders on the master's own disk: ``file_roots``."""
