"""The till broken on purpose: processes killed, servers lost, an acquirer that lies. For tests and `./run chaos`."""
