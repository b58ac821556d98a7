"""From Brian2 objects to C++: a standalone device whose programs start from a state and end with one."""
