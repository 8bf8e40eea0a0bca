"""What the ledger adds up to over all features: escapes, answers, times in stages, blocks, waivers. Pure folds.

Each takes facts (an entry, and whose it is) and gives what has happened, one by one; `tables.py` counts that.
"""
