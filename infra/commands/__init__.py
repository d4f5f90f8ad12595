"""The commands of `waxwing`, one module a family, each with `register(app)`."""
