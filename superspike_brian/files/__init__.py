"""Files that last: atomic writes, checksums, locks, sealed datasets. Imports nothing of the package."""
