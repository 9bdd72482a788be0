"""What trains: everything, a part, or a small addition. One function per file."""
