"""From values to lines of text with roles: pure, without widgets."""
