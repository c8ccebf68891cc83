"""How many files and sockets this process may have open. It refuses to know what they are for."""

ENOUGH = 65_536
"""More makes programs slow that close all they could have inherited."""


def raise_limit() -> None:
    """As many as the system grants without asking, as Go programs do: each delivery takes one, and
    shells give 256 (macOS) or 1,024.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    granted = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft == resource.RLIM_INFINITY or soft >= granted:
        return
    for limit in (granted, 10_240):  # what macOS grants although it says "unlimited"
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, limit), hard))
        except (OSError, ValueError):
            continue
        return
