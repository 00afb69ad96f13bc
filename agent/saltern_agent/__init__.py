"""The program on every host: runs scheduled samples and jobs, and never loses a return."""
