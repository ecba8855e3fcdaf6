"""A line of a ledger's file that is at fault."""


class LineError(ValueError):
    """Says of the line `number`, counted from 1, what its `fault` is."""

    def __init__(self, number: int, fault: str) -> None:
        super().__init__(f"line {number}: {fault}")
        self.number = number
        self.fault = fault
