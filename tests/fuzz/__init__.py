"""Input that nobody meant well: what it may never do is a 5xx, a connection that is dropped, or a step that is stuck.

`make test` runs a little of each; what is marked `drill` is the same at length.
"""
