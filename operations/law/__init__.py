"""What law asks of an operation: how long recordings are kept, what must not be erased, and erasing."""
