"""The MCP server: what agents ask and order, over the control API. A client, as the terminal UI is."""
