"""The demonstration: a bank whose people, accounts, deals and web visits feed a fresh installation."""
