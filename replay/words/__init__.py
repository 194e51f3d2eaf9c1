"""Where words and prompts come from: a file, or a chat endpoint whose text is not trusted."""
