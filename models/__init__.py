"""What the network is: equations and parameters."""
