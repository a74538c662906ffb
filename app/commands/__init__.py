"""Command-line verbs by topic; ``app.cli`` registers them."""
