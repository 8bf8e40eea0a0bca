"""One module for each version of the tables. A published one is never changed."""
