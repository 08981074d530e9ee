"""What is downloaded or shipped: datasets, model records, archives, networks and extractors."""
