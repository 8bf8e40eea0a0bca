"""What people look at in a browser: each page a file, thin; what it shows is asked of the ledger, of no tracker."""
