"""The page in the browser, served at `/_dev/`: static files, one more client of the control API."""
