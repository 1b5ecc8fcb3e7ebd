"""What cameras see of the ground: strips and cells, revisit, resolution, and how lanes hold their cameras."""
