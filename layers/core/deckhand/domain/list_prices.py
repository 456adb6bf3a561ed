"""The list prices of AWS that an estimate is made of: the one place where they stand.

US dollars, us-east-2, November 2026, without free tiers, discounts and taxes. Machines: SkyPilot's
catalogue (github.com/skypilot-org/skypilot-catalog, catalogs/v8/aws/vms.csv) and that of Apache
Libcloud; of a range of zones the dearest spot price below the price on demand; p5.4xlarge is priced
in us-west-2. Networks, storage, keys and volumes: AWS's list prices as the authors knew them. None
was compared with a bill. Where an account is at hand, AWS is asked for the prices of machines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

AS_OF: Final = "us-east-2, November 2026"
HOURS_PER_MONTH: Final = 730

NAT_GATEWAY_HOUR: Final = 0.045
NAT_GATEWAY_GB: Final = 0.045
PUBLIC_ADDRESS_HOUR: Final = 0.005
INTERFACE_ENDPOINT_HOUR: Final = 0.01
"""Of each endpoint in each availability zone."""

KEY_MONTH: Final = 1.0
ALARM_MONTH: Final = 0.10
IMAGE_GB_MONTH: Final = 0.10
TABLE_GB_MONTH: Final = 0.25
SQS_REQUEST: Final = 0.40e-6
INVOCATION: Final = 0.20e-6
GIGABYTE_SECOND: Final = 0.0000133334
"""Of a function on arm64."""

S3_GB_MONTH: Final = {
    "STANDARD": 0.023,
    "INTELLIGENT_TIERING": 0.023,
    "STANDARD_IA": 0.0125,
    "GLACIER_IR": 0.004,
    "GLACIER": 0.0036,
    "DEEP_ARCHIVE": 0.00099,
}
"""By storage class; an object in Intelligent-Tiering costs less when nobody reads it."""

VOLUME_GB_MONTH: Final = 0.08
VOLUME_IOPS_MONTH: Final = 0.005
VOLUME_MIBPS_MONTH: Final = 0.04
VOLUME_IOPS_INCLUDED: Final = 3000
VOLUME_MIBPS_INCLUDED: Final = 125


@dataclass(frozen=True)
class MachineRate:
    """What a machine has, and US dollars for an hour of the whole of it.

    `memory_mib` of 0 and a price of None are not known.
    """

    vcpus: int
    gpus: int
    memory_mib: int = 0
    on_demand: float | None = None
    spot: float | None = None


GIB: Final = 1024
MACHINES: Final = {
    "g4dn.xlarge": MachineRate(4, 1, 16 * GIB, 0.526, 0.25),
    "g5.4xlarge": MachineRate(16, 1, 64 * GIB, 1.624, 0.63),
    "g5.8xlarge": MachineRate(32, 1, 128 * GIB, 2.448, 0.78),
    "g6.xlarge": MachineRate(4, 1, 16 * GIB, 0.805, 0.30),
    "g6e.xlarge": MachineRate(4, 1, 32 * GIB, 1.861, 0.90),
    "p4d.24xlarge": MachineRate(96, 8, 1152 * GIB, 21.958, 6.10),
    "p5.4xlarge": MachineRate(16, 1, 256 * GIB, 6.88),
    "p5.48xlarge": MachineRate(192, 8, 2048 * GIB, 55.04, 26.0),
    "p5en.48xlarge": MachineRate(192, 8, 2048 * GIB, 63.30, 24.2),
}
