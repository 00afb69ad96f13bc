"""Whisper files: their format, and how points get into many of them at once."""
