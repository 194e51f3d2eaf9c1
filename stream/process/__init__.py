"""What every process has: settings, home, errors, clock, lock, ports, and the shell around a role."""
