"""What a key or a chosen command does."""
