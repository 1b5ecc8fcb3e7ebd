"""For a patrol unit: plan the bundled brief, read what it promises, and judge the written files like any others."""

from pathlib import Path

import vedette

BRIEF = Path(__file__).resolve().parents[1] / "demo" / "brief.toml"

planned = vedette.plan(BRIEF, out="night-plan")
for sortie in planned.plan.sorties:
    print(f"{sortie.name}: {len(sortie.legs)} legs from {sortie.home_lat_deg:.4f}, {sortie.home_lon_deg:.4f}")
for finding in planned.plan.findings:
    print(f"  {finding.severity} {finding.rule}")
for judgement in vedette.check("night-plan", brief=BRIEF):
    print(f"{judgement.name}: {judgement.length_m / 1000.0:.1f} km, {len(judgement.findings)} findings")
