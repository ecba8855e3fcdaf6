"""What every part of KubeLedger shares: hosts, files, clocks and words. Imports none of them, and opens no connection."""
