"""What is published of KubeLedger: the manifests by which clients install it, and the steps of a release."""
