"""Carbon receivers, cache and log, Whisper store and the render API."""
