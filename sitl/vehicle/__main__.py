"""The process behind `start_vehicle`."""

from sitl.vehicle.runner import serve

serve()
