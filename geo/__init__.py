"""WGS 84 geodesy, frames of reference, cameras, terrain and rays; imports nothing of ours."""
