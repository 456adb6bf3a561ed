"""Packets go through the network as it is made: what arrives, is answered, and does not get in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from ipaddress import ip_address, ip_network
from itertools import product
from typing import Any

import pytest

from tools.project import Project, Resource, load
from tools.resolve import Made
from tools.rules.network import OFFICE, SERVICES, SITUATIONS
from tools.standing import Network

HTTPS, SSH = 443, 22
CALLERS = (32768, 45000, 61000)
"""Ports from which a call may come."""

FAR = "52.95.110.1"
"""An address of AWS, or of anybody: a network cannot tell."""

STRANGER = "198.51.100.7"
VISITOR = str(ip_network(OFFICE)[5])
NEEDED = ("s3", *SERVICES)

CHOICES: Mapping[str, tuple[str, ...]] = {
    "NetworkMode": ("public", "nat", "endpoints"),
    "Access": ("none", "instance-connect", "bastion"),
    "AccessCidr": ("", OFFICE),
    "ZoneCount": ("2", "3", "6"),
    "EndpointZoneCount": ("1", "2", "3"),
    "StorageSubnets": ("no", "yes"),
    "FlowLogs": ("all", "none"),
    "VpcId": ("", "vpc-1"),
    "SubnetIds": ("", "subnet-1,subnet-2"),
    "RouteTableIds": ("", "rtb-1"),
    "SecurityGroupId": ("", "sg-1"),
}


Choices = Sequence[tuple[str, Network]]


@pytest.fixture(scope="module")
def sound() -> Project:
    return load()


@pytest.fixture(scope="module")
def every_choice(sound: Project) -> Choices:
    """Every combination of parameters that is not refused."""
    found = []
    for values in product(*CHOICES.values()):
        parameters = dict(zip(CHOICES, values, strict=True))
        made = Made(sound, parameters)
        if not made.refusals():
            found.append((str({k: v for k, v in parameters.items() if v}), Network(made)))
    return found


# ---- how a packet travels ------------------------------------------------------------------------


class Walk:
    """Packets of one network, which stands in a VPC of its own."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.subnets = {str(item): item for item in network.all("AWS::EC2::Subnet")}
        self.machines = [item for name, item in self.subnets.items() if "MachineSubnet" in name]

    def crosses(self, subnet: Resource, egress: bool, other: str, port: int) -> bool:
        """Whether the ACL of *subnet* lets a packet through; the first entry that fits decides."""
        [acl] = self.network.acls(subnet)
        entries = [
            item.properties
            for item in self.network.all("AWS::EC2::NetworkAclEntry")
            if item.properties["NetworkAclId"] == acl and item.properties["Egress"] == egress
        ]
        for entry in sorted(entries, key=lambda entry: int(entry["RuleNumber"])):
            ports = entry.get("PortRange", {"From": 1, "To": 0})
            if ports["From"] <= port <= ports["To"] and within(other, entry["CidrBlock"]):
                return bool(entry["RuleAction"] == "allow")
        return False

    def talk(self, one: Resource, other: Resource, port: int, callers: tuple[int, ...]) -> bool:
        """Whether a call to another subnet is heard and answered; inside one no ACL is asked."""
        here, there = address(one), address(other)
        called = self.crosses(one, True, there, port) and self.crosses(other, False, here, port)
        return one is other or (
            called
            and all(
                self.crosses(other, True, here, caller) and self.crosses(one, False, there, caller)
                for caller in callers
            )
        )

    def calls_far(self, subnet: Resource, callers: tuple[int, ...]) -> bool:
        return self.crosses(subnet, True, FAR, HTTPS) and all(
            self.crosses(subnet, False, FAR, caller) for caller in callers
        )

    def reaches(self, machine: Resource, service: str) -> bool:
        [table] = self.network.tables(machine)
        endpoint = self.network.endpoint(service)
        if not self.may("network.MachineSecurityGroup", "Egress", HTTPS, FAR):
            return False
        if endpoint and endpoint.properties["VpcEndpointType"] == "Gateway":
            given = endpoint.properties["RouteTableIds"]
            return table in given and self.calls_far(machine, CALLERS)
        if endpoint:
            [group] = endpoint.properties["SecurityGroupIds"]
            doors = [self.subnets[name] for name in endpoint.properties["SubnetIds"]]
            heard = self.may(group, "Ingress", HTTPS, "network.MachineSecurityGroup")
            named = endpoint.properties["PrivateDnsEnabled"]
            return named and heard and all(self.talk(machine, d, HTTPS, CALLERS) for d in doors)
        ways = [way.properties for way in self.network.ways_out(table)]
        return any(self._leads_out(machine, way) for way in ways)

    def _leads_out(self, machine: Resource, way: Mapping[str, Any]) -> bool:
        if not self.calls_far(machine, CALLERS):
            return False
        if "GatewayId" in way:
            return bool(machine.properties["MapPublicIpOnLaunch"])
        [nat] = self.network.all("AWS::EC2::NatGateway")
        public = self.subnets[nat.properties["SubnetId"]]
        [table] = self.network.tables(public)
        onward = any("GatewayId" in out.properties for out in self.network.ways_out(table))
        here = address(machine)
        heard = self.crosses(public, False, here, HTTPS)
        answered = all(self.crosses(public, True, here, caller) for caller in CALLERS)
        return onward and heard and answered and self.calls_far(public, (1024, 65535))

    def may(self, group: str, direction: str, port: int, other: str) -> bool:
        """Whether a security group lets a port through, to or from an address or a group."""
        rules = [
            rule
            for item in self.network.all("AWS::EC2::SecurityGroup")
            if str(item) == group
            for rule in item.properties.get(f"SecurityGroup{direction}", ())
        ]
        if direction == "Ingress":
            rules += [
                item.properties
                for item in self.network.all("AWS::EC2::SecurityGroupIngress")
                if item.properties["GroupId"] == group
            ]
        return any(
            rule["FromPort"] <= port <= rule["ToPort"]
            and (
                other in (rule.get("SourceSecurityGroupId"), rule.get("DestinationSecurityGroupId"))
                or within(other, rule.get("CidrIp", "127.0.0.1/32"))
            )
            for rule in rules
        )

    def visits(self, machine: Resource) -> bool:
        """Whether SSH gets to a machine by the way that is asked for, and back."""
        return {"bastion": self._by_bastion, "instance-connect": self._by_endpoint}[
            self.network.parameters["Access"]
        ](machine)

    def _by_bastion(self, machine: Resource) -> bool:
        [bastion] = self.network.all("AWS::EC2::Instance")
        [card] = bastion.properties["NetworkInterfaces"]
        [group] = card["GroupSet"]
        public = self.subnets[card["SubnetId"]]
        heard = self.crosses(public, False, VISITOR, SSH)
        answered = all(self.crosses(public, True, VISITOR, port) for port in (1024, 65535))
        return (
            heard
            and answered
            and self.may(group, "Ingress", SSH, VISITOR)
            and self._knocks(group, public, machine, CALLERS)
        )

    def _by_endpoint(self, machine: Resource) -> bool:
        [endpoint] = self.network.all("AWS::EC2::InstanceConnectEndpoint")
        [group] = endpoint.properties["SecurityGroupIds"]
        stands = self.subnets[endpoint.properties["SubnetId"]]
        return self._knocks(group, stands, machine, (1024, 65535))

    def _knocks(
        self, group: str, stands: Resource, machine: Resource, callers: tuple[int, ...]
    ) -> bool:
        machines = "network.MachineSecurityGroup"
        return (
            self.may(group, "Egress", SSH, machines)
            and self.may(machines, "Ingress", SSH, group)
            and self.talk(stands, machine, SSH, callers)
        )


def within(other: str, block: str) -> bool:
    return other[0].isdigit() and ip_address(other) in ip_network(block)


def address(subnet: Resource) -> str:
    return str(ip_network(subnet.properties["CidrBlock"])[17])


# ---- what is found -------------------------------------------------------------------------------


def test_every_machine_reaches_what_it_needs_whatever_is_chosen(every_choice: Choices) -> None:
    tried = 0
    for choice, network in every_choice:
        if network.is_existing:
            continue
        walk = Walk(network)
        tried += 1
        assert len(walk.machines) == int(network.parameters["ZoneCount"])
        for machine in walk.machines:
            lost = [service for service in NEEDED if not walk.reaches(machine, service)]
            assert not lost, f"{machine} with {choice}"
            if network.parameters["Access"] != "none":
                assert walk.visits(machine), f"SSH to {machine} with {choice}"
    assert tried > 400


def test_nobody_calls_a_machine_from_outside(every_choice: Choices) -> None:
    for choice, network in every_choice:
        walk = Walk(network)
        for group in ("network.MachineSecurityGroup", *map(str, network.all("AWS::EC2::Instance"))):
            for port in (SSH, 80, HTTPS, 2375, 8080, *CALLERS):
                assert not walk.may(group, "Ingress", port, STRANGER), choice
                assert not walk.may(group, "Ingress", port, VISITOR), choice
        if network.parameters["Access"] == "none":
            ingress = network.all("AWS::EC2::SecurityGroupIngress")
            assert not ingress and "access" not in network.made, choice
        assert not walk.may("access.BastionGroup", "Ingress", SSH, STRANGER), choice


def test_there_is_no_way_to_the_internet_but_by_choice(sound: Project) -> None:
    network = Network(Made(sound, SITUATIONS["endpoints"]))
    assert not network.all("AWS::EC2::InternetGateway") + network.all("AWS::EC2::NatGateway")
    assert not Walk(network).reaches(Walk(network).machines[0], "sts")
    for mode in ("public", "nat"):
        walk = Walk(Network(Made(sound, SITUATIONS[mode])))
        assert walk.reaches(walk.machines[0], "sts")


@pytest.mark.parametrize(
    ("stack", "resource", "situation"),
    [
        ("network", "MachineWayOut", "public"),
        ("network", "MachineWayOut", "nat"),
        ("network", "PublicWayOut", "nat"),
        ("network", "MachineCallsOut", "public"),
        ("network", "MachineHearsReplies", "endpoints"),
        ("network", "NatHearsMachines", "nat"),
        ("network", "NatHearsReplies", "nat"),
        ("network", "NatReplies", "nat"),
        ("network", "NatCallsOut", "nat"),
        ("network", "EndpointHearsCalls", "endpoints"),
        ("network", "EndpointReplies", "endpoints"),
        ("network", "S3Endpoint", "endpoints"),
        ("endpoints", "SsmMessagesEndpoint", "endpoints"),
    ],
)
def test_without_any_part_something_is_lost(
    sound: Project, stack: str, resource: str, situation: str
) -> None:
    project = deepcopy(sound)
    project.stacks[stack]["Resources"][resource]["Condition"] = "Never"
    project.stacks[stack].setdefault("Conditions", {})["Never"] = {"Fn::Equals": ["a", "b"]}
    walk = Walk(Network(Made(project, SITUATIONS[situation])))
    assert not all(walk.reaches(m, service) for m in walk.machines for service in NEEDED)


@pytest.mark.parametrize(
    ("resource", "way"),
    [
        *(("MachineFromBastion", "bastion"), ("MachineHearsSsh", "bastion")),
        *(("MachineRepliesSsh", "bastion"), ("BastionHearsSsh", "bastion")),
        *(("BastionRepliesSsh", "bastion"), ("BastionCallsSsh", "bastion")),
        *(("BastionHearsReplies", "bastion"), ("MachineFromConnect", "instance-connect")),
        *(("ConnectCallsSsh", "instance-connect"), ("ConnectHearsReplies", "instance-connect")),
        ("MachineHearsSsh", "instance-connect"),
    ],
)
def test_without_any_part_no_visit(sound: Project, resource: str, way: str) -> None:
    project = deepcopy(sound)
    del project.stacks["access"]["Resources"][resource]
    walk = Walk(Network(Made(project, SITUATIONS[f"public, wide, {way}"])))
    assert not all(walk.visits(machine) for machine in walk.machines)


def test_no_choice_renumbers_a_subnet(every_choice: Choices) -> None:
    """A subnet that gets another block is replaced, and its machines with it."""
    blocks: dict[str, str] = {}
    for _, network in every_choice:
        for subnet in network.all("AWS::EC2::Subnet"):
            block = subnet.properties["CidrBlock"]
            assert blocks.setdefault(subnet.name, block) == block
    assert len(blocks) == 13
    networks = [ip_network(block) for block in blocks.values()]
    assert not any(a.overlaps(b) for a in networks for b in networks if a is not b)
    machines = [ip_network(b).num_addresses for name, b in blocks.items() if "Machine" in name]
    assert machines == [4096] * 6


def test_zones_of_a_subnet_differ(sound: Project) -> None:
    network = Network(Made(sound, SITUATIONS["nat, wide, bastion"]))
    zones = [m.properties["AvailabilityZone"] for m in Walk(network).machines]
    assert len(set(zones)) == 6


def test_what_is_made_in_an_existing_vpc_stands_there(sound: Project) -> None:
    network = Network(Made(sound, SITUATIONS["existing, route tables"]))
    assert {item.name for item in network.everything} == {
        *("S3Endpoint", "DynamoDbEndpoint", "MachineSecurityGroup")
    }
    assert {item.properties["VpcId"] for item in network.everything} == {"vpc-1"}
    given = network.made["network"].outputs
    assert (given["SubnetIds"], given["VpcId"]) == ("subnet-1,subnet-2", "vpc-1")
    other = Network(Made(sound, SITUATIONS["existing, security group"]))
    assert other.everything == []
    assert other.made["network"].outputs["SecurityGroupId"] == "sg-1"


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"VpcId": "vpc-1"}, "SubnetIds must say in which"),
        ({"SubnetIds": "subnet-1"}, "VpcId must name it"),
        ({"RouteTableIds": "rtb-1"}, "VpcId must name it"),
        ({"SecurityGroupId": "sg-1"}, "VpcId must name it"),
        (
            {"VpcId": "vpc-1", "SubnetIds": "subnet-1", "NetworkMode": "endpoints"},
            "In an existing one the endpoints are its owner's",
        ),
        (
            {"VpcId": "vpc-1", "SubnetIds": "subnet-1", "StorageSubnets": "yes"},
            "only made in a VPC of the stack's own",
        ),
        (
            {
                **{"VpcId": "vpc-1", "SubnetIds": "subnet-1"},
                **{"Access": "bastion", "AccessCidr": OFFICE},
            },
            "Use Access=instance-connect in an existing VPC",
        ),
        (
            {
                **{"VpcId": "vpc-1", "SubnetIds": "subnet-1"},
                **{"SecurityGroupId": "sg-1", "Access": "instance-connect"},
            },
            "Leave SecurityGroupId empty",
        ),
        ({"Access": "bastion"}, "Access=bastion needs AccessCidr"),
        (
            {"Access": "bastion", "AccessCidr": OFFICE, "NetworkMode": "endpoints"},
            "no internet for a bastion",
        ),
        ({"Access": "bastion", "AccessCidr": "0.0.0.0/0"}, "at most 65 536 addresses"),
        ({"ZoneCount": "2", "EndpointZoneCount": "3"}, "cannot be more than ZoneCount"),
        ({"ZoneCount": "7"}, "ZoneCount is not one of"),
        ({"VpcCidr": "10.64.0.0/20"}, "a private network of 65 536 addresses"),
        ({"SubnetIds": "subnet-1, subnet-2", "VpcId": "vpc-1"}, "no blanks"),
    ],
)
def test_what_does_not_fit_is_refused(
    sound: Project, parameters: dict[str, str], sentence: str
) -> None:
    refusals = Made(sound, parameters).refusals()
    assert len(refusals) == 1
    assert sentence in refusals[0]


def test_no_environment_is_refused(sound: Project) -> None:
    for name, parameters in sound.parameter_sets.items():
        made = Made(sound, parameters)
        assert made.refusals() == [], name
        assert list(made.resources())


def test_the_stack_says_where_its_bastion_is_if_it_has_one(sound: Project) -> None:
    for situation, parameters in SITUATIONS.items():
        outputs = Made(sound, parameters).outputs
        assert outputs["VpcId"] == parameters.get("VpcId", "network.Vpc")
        assert ("BastionId" in outputs) == ("bastion" in situation)
    assert Made(sound, SITUATIONS["nat, wide, bastion"]).outputs["BastionId"] == "access.Bastion"
