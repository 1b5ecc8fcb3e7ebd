"""Tracks of metadata in MP4 files beside the pictures, as far as public sources give their meaning."""
