"""The ledger: one chained file a UTC day, one line a closed hour, kept for ever. `spec/ledger` describes the files."""
