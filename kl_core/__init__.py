"""What every part of KubeLedger shares. It imports none of them and opens no connection."""
