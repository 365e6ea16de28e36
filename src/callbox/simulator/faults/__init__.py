"""What goes wrong on demand, and what was asked and answered."""
