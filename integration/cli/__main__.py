"""`python -m integration.cli`, as the Procfile has it."""

from integration.cli import main

main(prog_name="release-stages")
