"""How long a test waits for what must happen. Nothing waits that long unless it fails.

One number for all: a server that answers within its own default has been quick, and a machine under
load is no reason to fail.
"""

PATIENCE_S = 60
PATIENCE_MS = 1000 * PATIENCE_S
