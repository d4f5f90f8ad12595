"""When a message may go, besides to whom: frequency caps and quiet hours."""
