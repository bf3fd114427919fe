# The names of the package and where they are; `__init__.py` loads each when it is first asked for.
from .arcs.postman import cover_streets as cover_streets
from .beats.balance import measure_work as measure_work
from .beats.beats import Beats as Beats, draw_beats as draw_beats
from .response.isochrones import isochrones as isochrones
from .response.moving_response import reach_over_time as reach_over_time
from .response.response import (
    Response as Response,
    lose_unit as lose_unit,
    nearest_units as nearest_units,
    reach as reach,
)
from .risks.attention_shares import attention as attention, spread_by_cell as spread_by_cell
from .risks.evaluation import Evaluation as Evaluation, evaluate_risk as evaluate_risk
from .risks.incidents import read_incidents as read_incidents
from .risks.risks import risk as risk
from .routes.replan import replan as replan
from .routes.routes import plan_routes as plan_routes
from .routes.variants import Variants as Variants, choose_variant as choose_variant, plan_variants as plan_variants
from .shift.checker import check_plan as check_plan
from .shift.dosage import dose as dose
from .shift.plan import Plan as Plan
from .shift.shifts import Shift as Shift, parse_shift as parse_shift
from .shift.stops import check_stops as check_stops, propose_stops as propose_stops
from .shift.unit_files import read_units as read_units
from .shift.units import check_units as check_units, unit_networks as unit_networks
from .streets.network import Network as Network, build_network as build_network
from .tours.idleness import measure_idleness as measure_idleness
from .tours.orienteering import plan_orienteering as plan_orienteering
from .tours.recurrent import plan_recurrent as plan_recurrent
from .tours.staffing import count_units as count_units
from .tours.tours import plan_tour as plan_tour
from .tracks.compliance import Compliance as Compliance, compare as compare
from .tracks.matching import Matched as Matched, match_tracks as match_tracks
from .tracks.tracks import Tracks as Tracks, clean_tracks as clean_tracks, read_tracks as read_tracks
