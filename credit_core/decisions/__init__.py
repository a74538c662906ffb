"""What a score means for one customer: scale, contributions, reasons, policy."""
