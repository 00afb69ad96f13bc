"""What can happen to the stack, a file for what it happens to. ``kind.py`` says what a kind of fault is."""
