"""HTTP out, and listening sockets: requests become outcomes here. Knows no engine."""
