"""What the session browser is made of."""
