"""What is kept: the inbox (Redis) of what is still to be done, and the ledger (SQL) of what was."""
