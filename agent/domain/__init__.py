"""The pure core: facts, the transaction, evidence, assessment. No I/O, no clock, no logging."""
