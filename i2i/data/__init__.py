"""Sets of pictures: found, fetched, checked and read into batches."""
