"""Questions about a dataset, as pure functions: dataset and arguments in, answer out."""
