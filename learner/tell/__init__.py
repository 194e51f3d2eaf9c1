"""What a micro-task tells others: events, metrics, messages."""
