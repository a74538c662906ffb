"""How people reach the core: dashboard, command line, background jobs."""
