"""Every warning there is: what can be wrong with data or with an answer, in words, and whom each may be shown to."""
