"""The projects here are run as projects of their own: see test_strangers.py."""

collect_ignore = ["fastapi", "django"]
