"""What stands behind the till's books: PostgreSQL, its SQL written out. Only channels/app.py and the CLI name it."""
