"""One edit, from the request to the output directory."""
