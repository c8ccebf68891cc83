"""What `demo` shows: a small app, a tour of a minute, then a stream of messages of every kind.

Talks to the server by HTTP, as any app does; knows nothing of how it works inside.
"""
