"""Both images really built from Debian's packages, and started as the compose file starts them: `./run images`."""
