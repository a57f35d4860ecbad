"""What stands behind the till's books: PostgreSQL, its SQL written out. Only khallas/ names it."""
