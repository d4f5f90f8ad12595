"""Who delivers messages, one file each: `flows.delivery.provider.Provider` is what they implement."""
