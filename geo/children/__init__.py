"""Processes of ours that open hostile bytes: started with limits, spoken to in plain messages, ended for certain."""
