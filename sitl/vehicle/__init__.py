"""The embedded vehicle: a process that ground stations take for an autopilot."""

from missions.plan_files.dialect import Dialect
from sitl.vehicle.config import Airframe, SensorNoise, VehicleConfig
from sitl.vehicle.process import VehicleProcess, start_vehicle

__all__ = ["Airframe", "Dialect", "SensorNoise", "VehicleConfig", "VehicleProcess", "start_vehicle"]
