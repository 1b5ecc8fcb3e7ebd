"""A commented brief to start from."""

from __future__ import annotations

from typing import Final

from missions.performance.aircraft import BUNDLED

TEMPLATE: Final = """\
# A patrol brief. Every key carries its unit; lines that start with # are options at their defaults.
name = "my patrol"
dialect = "ardupilot"            # or "px4"

[border]
file = "border.geojson"          # GeoJSON, GeoPackage, KML/KMZ, Shapefile or FlatGeobuf, in any CRS
own_side = "left"                # "left" or "right" of the line as drawn, a polygon file,
                                 # or { lat_deg = 47.38, lon_deg = 112.58 }: a point on our side
# bridge_gaps_m = 2000           # gaps between parts up to this long are flown along as border

[standoff]
asked_m = 300                    # 0 to 50000; never undercut, on any leg, turn or failsafe path
# gnss_sigma_m = 1.5             # GNSS, gust and turn errors are added to asked_m by the planner
# tracking_error_m = 3

[corridor]
depth_m = 800                    # ground to watch, from the border inwards
# from_m = 0
# lanes = 3                      # default: as many as the camera needs
# overlap_pct = 15

[aircraft]
type = "quad-survey"             # {types}
count = 2                        # 1 to 200
# name = "quads"                 # needed where the same type is there twice, with figures of its own
# batteries = 12                 # charged batteries for the whole patrol
# battery_wh = 173               # any figure of the type may be changed: speed_mps, max_airspeed_mps,
# reserve_pct = 20               # climb_mps, descent_mps, turn_radius_m, hover_power_w, cruise_power_w,
# swap_s = 180                   # mass_kg, max_wind_mps
# carry_min = 30                 # minutes to carry one to the next site; without it none is, for a revisit
                                 # several types: write [[aircraft]] before each instead of [aircraft]

[camera]
# name = "thermal-640"
# width_px = 640
# height_px = 512
# hfov_deg = 32                  # 0.5 to 150
# depression_deg = 40            # 5 to 90, below the horizon, looking across the track, on every lane;
                                 # default: chosen for each lane, so that the border is seen with the fewest lanes
# gimbal_pitch_min_deg = -90     # the gimbal's range; 0 is level, -90 straight down
# gimbal_pitch_max_deg = 20

# [resolution]
# target = "person"              # or "vehicle"
# task = "detect"                # or "recognise", "identify": pixels on target after Johnson (1958)
# gsd_m = 0.2                    # or ask for metres a pixel instead

[flight]
# alt_agl_m = 100
# min_agl_m = 50
# max_agl_m = 150
# ceiling_amsl_m = 3000
# speed_mps = 15
# max_link_m = 8000

# [failsafe]
# way = "auto"                   # "straight": to the nearest of home and rally points; "retrace": back along the path;
                                 # "mission": back or on along it as the mission itself says (ArduCopter 4.6 and later);
                                 # "auto": straight where that keeps the standoff and zones, else along the path
# return_alt_m = 60              # climbed to before a return (RTL_ALT, RTL_RETURN_ALT); default: the autopilot's own
# position_loss = "accepted"     # a copter without a position drifts with the wind while it lands; over the border:
                                 # "accepted" by name with the plan, or "kept": no plan from which it would

[wind]
speed_mps = 0                    # 0 to 60
from_deg = 0                     # where the wind comes from
# gust_mps = 0                   # the strongest gust at any height flown
# [[wind.layer]]                 # instead of speed_mps and from_deg: the wind by height, a table for each;
# alt_amsl_m = 300               # linear between layers, constant below the lowest and above the highest
# speed_mps = 4
# from_deg = 250

# [terrain]
# file = "terrain.tif"           # GeoTIFF, SRTM .hgt, DTED, or a folder of such tiles, of any size
# datum = "egm96"                # what heights count from where the file does not say: egm96, hae, a geoid grid file

# [station]                      # where the radio link goes to; checks line of sight over the terrain
# lat_deg = 47.38
# lon_deg = 112.58
# antenna_m = 3

# [revisit]
# max_min = 45                   # see every metre at least this often

# [time]
# start_utc = 2026-01-15T16:00:00Z
# end_utc = 2026-01-16T02:00:00Z
# night_only = true              # cut the window to civil night

[[launch]]
name = "north field"
lat_deg = 47.38
lon_deg = 112.58
# aircraft = 2                   # most aircraft this site can take, or by type: { wing-2m = 0, quad-survey = 2 }

# [[rally]]
# name = "meadow"
# lat_deg = 47.379
# lon_deg = 112.60
# alt_agl_m = 60

# [[zone]]
# name = "village"
# file = "village.geojson"       # zones and obstacles: ED-269, ED-318, OpenAir, KML, KMZ, GeoJSON, GeoPackage, .poly;
                                 # or polygon = [[lat, lon], ...], or centre = [lat, lon] and radius_m
# permitted = []                 # names of zones of the file that may be entered
# clearance_m = 30
# floor_amsl_m = 0               # or floor_agl_m, above the ground; of a file, for shapes that have none of their own
# ceiling_amsl_m = 1500          # or ceiling_agl_m

# [keep_in]                      # every metre of every path lies inside it
# file = "area.geojson"          # or polygon, or centre and radius_m, as for a zone; several polygons and holes do
# clearance_m = 30

# [[avoid]]                      # people below: flown over only where there is no other way
# name = "school"
# file = "school.geojson"        # polygons, roads or places; or polygon, or centre and radius_m
# clearance_m = 0
"""


def template() -> str:
    """Return the commented brief, naming the bundled aircraft types."""
    return TEMPLATE.replace("{types}", ", ".join(sorted(BUNDLED)))
