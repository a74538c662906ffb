"""What is predicted: windows and cohorts, RFM and segments, proxy labels, observed outcomes."""
