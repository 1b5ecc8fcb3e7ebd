"""Air as authorities publish it and obstacles as maps draw them: readers that give values and hold no rule."""
