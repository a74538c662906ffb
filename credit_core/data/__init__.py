"""The ledger: contract, column mapping, intake, dataset store."""
