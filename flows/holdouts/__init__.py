"""Universal holdouts: who gets no marketing at all for a while."""
