"""How rules fare, by what the ledger has of each verdict, and which of them may be raised a level."""
