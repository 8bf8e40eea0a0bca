"""The RQ side: what is done in the background, by which processes, and when. The service itself never imports this."""
