"""The web door: the same journey as by telephone, in pages that any browser shows, without a script."""
