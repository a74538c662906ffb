"""How far scores may be trusted: registry, events."""
