"""SQLite files of ours, for what is no time series."""
