"""Who may call, what each caller sees, how much may be asked at once, and the record of what was asked."""
