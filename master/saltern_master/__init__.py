"""The control plane: keys, jobs, events, files and the way of points to Carbon."""
