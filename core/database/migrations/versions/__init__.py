"""One file a revision; the SQL is written out."""
