"""What leaves an operation to stand up elsewhere: packages, their verifier, and the report of who saw what."""
