"""How long texts wait while something else does not answer."""
