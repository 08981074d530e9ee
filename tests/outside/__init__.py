"""An installable package of plugins that import the public API alone, and tests that use it as users do."""
