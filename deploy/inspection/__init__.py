"""What a running system and this machine look like from outside."""
