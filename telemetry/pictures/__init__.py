"""Pose and camera of still pictures from EXIF and XMP."""
