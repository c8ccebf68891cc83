"""Lists, counts and filters over what is stored: how to find it, without a look at all of it."""
