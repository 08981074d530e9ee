"""How the built-in demo networks were trained and measured; not part of the installed package."""
