"""What is at which URL: one file for what belongs together."""
