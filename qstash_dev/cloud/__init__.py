"""All that faces the real cloud: the tunnel, what comes in by it, and calls that are passed on."""
