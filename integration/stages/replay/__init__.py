"""What if: histories, judged as if another mappings.yaml had been in force all along. Pure, and by the very rules."""
