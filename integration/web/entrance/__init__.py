"""Who gets into the pages: signing in, sessions, and what each visitor may see."""
