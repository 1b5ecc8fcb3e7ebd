"""For an integrator: plan, start a simulated vehicle at a sortie's home, and hear it as any ground station would."""

from pathlib import Path

import vedette
from missions.briefs.brief_file import read_brief
from missions.links.link import open_link
from sitl.planned import planned_vehicle
from sitl.vehicle.process import start_vehicle

BRIEF = Path(__file__).resolve().parents[1] / "demo" / "brief.toml"

planned = vedette.plan(BRIEF)
sortie = planned.plan.sorties[0]
config = planned_vehicle(read_brief(BRIEF), sortie, sysid=1, seed=1, speedup=1.0)
with start_vehicle(config) as vehicle, open_link(vehicle.link_url) as link:
    heard = link.receive(10.0)
    print(f"{vehicle.link_url} says {heard.get_type() if heard else 'nothing'}")
