"""The only thing that acts: accepts, delivers, retries, cancels."""
