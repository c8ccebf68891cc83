"""A public URL for the ingress port: opens it, watches it, closes it. Trouble becomes a state.

Knows nothing of messages or of what arrives through the tunnel. This module stays light: the part
that needs pyngrok is `qstash_dev.cloud.tunnel.ngrok`, imported only when a tunnel is asked for.
"""

from qstash_dev.cloud.tunnel.state import OFF, ExternalTunnel, Phase, Tunnel, TunnelState, failed

__all__ = ["OFF", "ExternalTunnel", "Phase", "Tunnel", "TunnelState", "failed"]
