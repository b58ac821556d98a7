"""Values as a user types them: quantities with units, kinds of options, JSON. Imports nothing of the package."""
