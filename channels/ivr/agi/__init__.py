"""One call on an Asterisk switch: the protocol and the keys are pure, sockets live in line.py and server.py."""
