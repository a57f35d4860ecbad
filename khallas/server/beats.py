"""What a worker process tells its supervisor: a byte once it serves, another while its loop turns."""

READY, BEAT = b"r", b"b"
BEAT_S = 1.0
