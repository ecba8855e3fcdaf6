"""Moving over from an existing KubeLedger or kube-opex-analytics installation: its round-robin databases into ours."""
