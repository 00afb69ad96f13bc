"""What holds for a metric by its name: spelling, admission, retentions, roll-up. Carbon's own files."""
