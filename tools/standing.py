"""The network as it stands for one set of parameters: what is made, and what belongs to what."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from tools.project import Resource
from tools.resolve import Made

STACKS: Final = ("network", "endpoints", "access")
EVERYWHERE: Final = "0.0.0.0/0"


class Network:
    """What is made of the stacks of the network."""

    def __init__(self, made: Made) -> None:
        self.parameters = made.parameters
        self.made = {child.stack: child for child in made.children() if child.stack in STACKS}
        self.everything = [item for child in self.made.values() for item in child.own()]
        self._by_type = defaultdict(list)
        for item in self.everything:
            self._by_type[item.type].append(item)
        self._acls: dict[str, list[str]] = _by_subnet(
            self.all("AWS::EC2::SubnetNetworkAclAssociation"), "NetworkAclId"
        )
        self._tables: dict[str, list[str]] = _by_subnet(
            self.all("AWS::EC2::SubnetRouteTableAssociation"), "RouteTableId"
        )

    def all(self, kind: str) -> list[Resource]:
        return self._by_type[kind]

    @property
    def is_existing(self) -> bool:
        return bool(self.parameters["VpcId"])

    @property
    def mode(self) -> str:
        return "existing" if self.is_existing else self.parameters["NetworkMode"]

    def tables(self, subnet: Resource) -> list[str]:
        """The route tables that a subnet is given."""
        return self._tables[str(subnet)]

    def acls(self, subnet: Resource) -> list[str]:
        """The network ACLs that a subnet is given."""
        return self._acls[str(subnet)]

    def ways_out(self, table: str) -> list[Resource]:
        return [
            item
            for item in self.all("AWS::EC2::Route")
            if item.properties["RouteTableId"] == table
            and item.properties["DestinationCidrBlock"] == EVERYWHERE
        ]

    def endpoint(self, service: str) -> Resource | None:
        found = [item for item in self.all("AWS::EC2::VPCEndpoint") if served(item) == service]
        return found[0] if found else None


def served(endpoint: Resource) -> str:
    """The service that an endpoint leads to, as in its name: ecr.api."""
    return str(endpoint.properties["ServiceName"]).split(".", 3)[3]


def _by_subnet(associations: list[Resource], key: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for item in associations:
        found[item.properties["SubnetId"]].append(item.properties[key])
    return found
