"""Lightning callbacks; each does one thing and says what it costs."""
