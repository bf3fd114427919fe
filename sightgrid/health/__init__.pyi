# The names of the package and where they are; `__init__.py` loads each when it is first asked for.
from .baselines import Baseline as Baseline
from .checks import measure_frames as measure_frames
from .hysteresis import Hysteresis as Hysteresis
from .ledgers import read_ledger as read_ledger, read_maintenance as read_maintenance
from .monitoring import Timing as Timing, monitor as monitor
from .outages import find_outages as find_outages, time_repairs as time_repairs
from .probes import Job as Job, Probe as Probe
from .rates import rate_now as rate_now, rate_periods as rate_periods, rate_recordings as rate_recordings
from .records import Notebook as Notebook, frame_records as frame_records
from .rules import describe_rules as describe_rules, judge as judge
from .secrets import read_secrets as read_secrets
from .sources import read_sources as read_sources
from .workers import Pool as Pool
