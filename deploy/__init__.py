"""The answer is served: publisher, registry, server, evaluator, and the `r2r` command."""
