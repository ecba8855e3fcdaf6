"""What KubeLedger is measured with: questions with their true answers, sizes of answers, and speed."""
