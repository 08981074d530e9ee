"""Plugins that break their contracts: each misbehaves in the method and the way that its options name."""
