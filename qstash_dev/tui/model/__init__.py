"""What the terminal UI knows: plain Python, without widgets and without a screen."""
