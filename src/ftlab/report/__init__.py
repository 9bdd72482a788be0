"""What a run is worth, for people: terminal tables, pictures, parquet files, the model card."""
