"""What is on the screen: shows what it is given and decides nothing."""
