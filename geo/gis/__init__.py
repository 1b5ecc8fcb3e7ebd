"""The one door through which GDAL and OGR open files: known formats only, in a sealed child process."""
