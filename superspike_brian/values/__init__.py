"""Values as a user types them: quantities with units, kinds of options, JSON. Imports only codegen's door to Brian2."""
