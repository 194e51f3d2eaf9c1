"""Task plans: cut from the stream, written to the log, read back after a restart."""
