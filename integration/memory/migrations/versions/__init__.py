"""One module for each version of the tables. A published one is never changed.

Each names in `compatible_since` the oldest version that a release must know to go on working on the tables as they are
then. A version that only adds (a table, an index, a column with a default) names what the one before named. One that
older releases would misread or spoil, as one that comes with a new kind of entry, names itself.
"""
