"""What a publish asks for: the table of its options, how their values are read, and the draft."""
