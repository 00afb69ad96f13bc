"""Functions that add grains to devices: each file is for the proxytype of its name, and is loaded for no other."""
