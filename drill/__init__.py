"""The drill: the real service among real faults, and at the end a look at whether every promise was kept.

Two small trackers, ten thousand deliveries, processes killed at random. `python -m drill --help` tells the rest;
docs/reliability.md tells what is promised and what came out.
"""
