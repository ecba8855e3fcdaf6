"""From stored means to the published books: amounts per hour, day and month, what is idle, and cost."""
