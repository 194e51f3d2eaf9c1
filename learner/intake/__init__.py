"""From a plan's records to prepared images: decoding, resends, commands, the window."""
