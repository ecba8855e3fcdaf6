"""Publishing in the layout of an existing KubeLedger or kube-opex-analytics installation, for its dashboards."""
