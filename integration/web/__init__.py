"""What the service shows over HTTP: it receives webhooks, and tells people and machines how it stands. Thin."""
