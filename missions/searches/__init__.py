"""Searches and watches flown: patterns cut into sorties, judged, with the chance of finding what is sought."""
