"""Dialog records, in files for the operator's own programs."""
