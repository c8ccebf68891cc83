"""What there is to read about a message, a run or a thing: decided once, drawn by each face itself."""
