"""Whether time, memory and quality hold over a long stream."""
