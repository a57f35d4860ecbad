"""One file a row of the table: who competes, and what is found."""
