"""`python -m integration.cli`, as the Procfile has it."""

from integration.cli import main

if __name__ == "__main__":
    main(prog_name="release-stages")
