"""The journal: the lane's append-only truth, in one SQLite file with one writer.

| file | what it is for |
|---|---|
| `file.py` | how the file is opened, locked and made sure of |
| `writer.py` | `Journal`: the core's connection |
| `reader.py` | `JournalReader`: read-only, for everybody else |
| `fresh.py` | the newest facts in memory, for who sends them |
| `chain.py` | whether facts follow from one another |
| `lines.py` | a fact as a line of JSON, for exports and archives |
| `archive.py`, `retention.py` | what is old and acknowledged leaves the file |
| `health.py` | is the file sound: a short look at each start, a long one at night |
| `salvage.py` | what can still be read of a damaged file |
| `sale_files.py`, `sales.py` | a sale with all that stands beside it; sales found again |
| `succession.py` | a new epoch that takes over what an old one left |
| `backup.py` | a copy of the running journal |
"""

from agent.journal.chain import BrokenChain, intact
from agent.journal.file import JournalUnsafe, connect
from agent.journal.reader import Former, JournalReader
from agent.journal.writer import Journal, PrintJobRow

__all__ = [
    "BrokenChain",
    "Former",
    "Journal",
    "JournalReader",
    "JournalUnsafe",
    "PrintJobRow",
    "connect",
    "intact",
]
