"""A simulated Kubernetes cluster whose workload is a closed formula, so that every true answer can be computed."""
