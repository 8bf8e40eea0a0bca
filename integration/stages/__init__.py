"""The mind: pure functions from what was read to what is to be said and done. No I/O, no clock of its own."""
