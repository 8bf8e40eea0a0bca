"""`release-stages seed`: an invented organisation's last months, for trials, screenshots, browser tests and benchmarks.

What people did is written in a script; what the service answered is decided by its own pure rooms, at the moment at
which it would have looked. Nothing reaches the ledger that `stages/planning/plan.make` has not decided.
"""
