"""Files that last: atomic writes, checksums, locks, sealed datasets. Imports only errors."""
