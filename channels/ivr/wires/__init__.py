"""Voice switches' dialects, one small file each; pure."""

WIRES = ("twilio", "fastagi")
