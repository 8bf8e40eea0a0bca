"""Setting the service up at the trackers, once: a GitHub App, webhooks, labels, a Jira workflow. No run needs it."""
