"""The audit: a line in a chained file, and a row in SQL, for every change, by whatever door it was asked for."""
