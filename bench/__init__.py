"""What the service costs and how quick it is, measured beside its peers. Run by `make bench`; see README.md here."""
