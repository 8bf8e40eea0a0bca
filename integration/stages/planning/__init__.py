"""One look at one issue: what is known, what people wrote, and what follows."""
