"""What the commands on whole Whisper trees do: walk, verify, resize, fill and dump. The commands only print."""
