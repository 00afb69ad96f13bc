"""How requests come in: framing and streaming alone; what they ask for is the dispatcher's."""
