"""What QStash says: pure functions over frozen values. No I/O, no event loop, no clock."""
