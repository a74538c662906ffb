"""From what it is predicted: the catalogue and the SQL that computes it."""
