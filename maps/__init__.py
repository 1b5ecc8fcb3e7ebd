"""What people look at: folium maps and exports."""
