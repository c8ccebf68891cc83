"""What we add for developers, as pure functions over frozen values: nothing here is QStash's."""
