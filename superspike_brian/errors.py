"""What all errors with a message to the user have in common. Imports nothing of the package."""


class UserError(RuntimeError):
    """Something that the user can mend; the message says what was found, what was expected, and how."""

    code = 2  # with which the command ends


class MissingPackageError(UserError, ImportError):
    """A package that is not installed is needed; the message says how to get it."""
