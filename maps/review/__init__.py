"""The review console: a web application on one machine in which people look at what was found, and decide."""
