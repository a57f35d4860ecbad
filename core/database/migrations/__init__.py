"""The history of the database, oldest first. A revision that has run is never edited."""
