"""What an installation does, one module a role, each with `role(settings, stop)` that works until `stop` is set."""
