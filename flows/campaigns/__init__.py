"""Campaigns: launches of an audience that is frozen and released at a rate, and journeys of one message."""
