"""What a run will take, before it begins: memory, time and money, from the architecture alone."""
