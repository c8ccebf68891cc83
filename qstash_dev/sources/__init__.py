"""The developer's source tree: which files it has, which of them count, and when they change."""
