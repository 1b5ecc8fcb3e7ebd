"""The log of an operation: a Merkle tree whose leaves are the records."""
