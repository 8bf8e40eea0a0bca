"""`release-stages simulate`: what would be otherwise under another mappings.yaml, over what has really happened."""
