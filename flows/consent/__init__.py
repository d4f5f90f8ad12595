"""Who may be written to: consent by channel and topic, and the suppression list."""
