"""What a card, a folder or a file holds, as recordings: media, what poses them, their clock, and what was left out."""
