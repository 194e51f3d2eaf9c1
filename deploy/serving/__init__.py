"""From a request to an answer: protocol, handlers, sessions, the swap."""
