"""The pure core: facts, the transaction, evidence and its assessment. No I/O, no clock, no logging."""
