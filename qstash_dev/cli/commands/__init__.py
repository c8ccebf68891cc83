"""One file for each command, or for the commands of one noun."""
