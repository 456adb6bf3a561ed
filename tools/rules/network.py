"""House rules for what machines can reach, and who can reach them, whatever the parameters are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

from tools.project import ROOT_STACK, Project, Resource, Template
from tools.resolve import NESTED, Made, ResolveError
from tools.rules.rule import ResourceRules
from tools.standing import EVERYWHERE, STACKS, Network, served

HTTPS: Final = 443
SSH: Final = 22
EPHEMERAL: Final = (32768, 61000)
"""The ports from which Linux calls, and to which it is answered."""

OFFICE: Final = "192.0.2.0/24"
WIDE: Final = {"ZoneCount": "6", "EndpointZoneCount": "3", "StorageSubnets": "yes"}
NARROW: Final = {"ZoneCount": "2", "EndpointZoneCount": "1"}
BASTION: Final = {"Access": "bastion", "AccessCidr": OFFICE}
CONNECT: Final = {"Access": "instance-connect"}
EXISTING: Final = {"VpcId": "vpc-1", "SubnetIds": "subnet-1,subnet-2"}
TABLES: Final = {"RouteTableIds": "rtb-1,rtb-2"}

SITUATIONS: Final[Mapping[str, Mapping[str, str]]] = {
    **{mode: {"NetworkMode": mode, **NARROW} for mode in ("public", "nat", "endpoints")},
    "public, wide, bastion": {"NetworkMode": "public", **WIDE, **BASTION},
    "public, wide, instance-connect": {"NetworkMode": "public", **WIDE, **CONNECT},
    "nat, wide, bastion": {"NetworkMode": "nat", **WIDE, **BASTION},
    "nat, wide, instance-connect": {"NetworkMode": "nat", **WIDE, **CONNECT},
    "endpoints, wide, instance-connect": {"NetworkMode": "endpoints", **WIDE, **CONNECT},
    "existing": EXISTING,
    "existing, route tables": {**EXISTING, **TABLES},
    "existing, security group": {**EXISTING, "SecurityGroupId": "sg-1"},
    "existing, instance-connect": {**EXISTING, **TABLES, **CONNECT},
}

SERVICES: Final = (
    *("ecs", "ecs-agent", "ecs-telemetry", "ecr.api", "ecr.dkr"),
    *("logs", "lambda", "ssm", "ssmmessages"),
)
"""What a machine calls, beside S3: Batch's agent, the image, logs, credentials, Session Manager."""

WITHOUT_POLICY: Final = frozenset({"ecs-agent", "ecs-telemetry", "ssmmessages"})
"""Websockets of agents."""


# ---- who is let in -------------------------------------------------------------------------------


def lets_in(network: Network) -> Iterator[str]:
    """Nobody, but for the three doors that are meant."""
    for group, rule in _ingress(network):
        source = str(rule.get("SourceSecurityGroupId") or rule.get("CidrIp") or "somewhere")
        if not _is_meant(network, group, rule, source):
            yield f"{group}: lets somebody in from {source}"


def _ingress(network: Network) -> Iterator[tuple[Resource, Template]]:
    for group in network.all("AWS::EC2::SecurityGroup"):
        for rule in group.properties.get("SecurityGroupIngress", ()):
            yield group, rule
    for rule in network.all("AWS::EC2::SecurityGroupIngress"):
        yield rule, rule.properties


def _is_meant(network: Network, group: Resource, rule: Template, source: str) -> bool:
    ports = (rule.get("FromPort"), rule.get("ToPort"))
    if group.stack == "endpoints":
        return ports == (HTTPS, HTTPS) and source == "network.MachineSecurityGroup"
    asked = {"access.ConnectGroup", "access.BastionGroup"}
    if group.name == "BastionGroup":
        asked = {network.parameters["AccessCidr"]}
    return group.stack == "access" and ports == (SSH, SSH) and source in asked


def lets_out(network: Network) -> Iterator[str]:
    """Machines say HTTPS and nothing else; nobody says everything."""
    for group in network.all("AWS::EC2::SecurityGroup"):
        rules = group.properties.get("SecurityGroupEgress", ())
        if not rules:
            yield f"{group}: no egress is named, so everything may leave"
        for rule in rules:
            ports = {rule.get("FromPort"), rule.get("ToPort")}
            if ports != {HTTPS} and not (ports == {SSH} and "DestinationSecurityGroupId" in rule):
                yield f"{group}: more may leave than HTTPS, and SSH to a machine"


def bastions(network: Network) -> Iterator[str]:
    for machine in network.all("AWS::EC2::Instance"):
        if machine.properties.get("MetadataOptions", {}).get("HttpTokens") != "required":
            yield f"{machine}: IMDSv1 is on"
        devices = machine.properties.get("BlockDeviceMappings", ())
        if not devices or not all(device["Ebs"].get("Encrypted") is True for device in devices):
            yield f"{machine}: its volume is not encrypted"
        if "KeyName" in machine.properties:
            yield f"{machine}: has a key that never ends; EC2 Instance Connect needs none"
        if "IamInstanceProfile" in machine.properties:
            yield f"{machine}: has a role, and speaks to no AWS service"


# ---- ways ----------------------------------------------------------------------------------------


def ways(network: Network) -> Iterator[str]:
    """Where the traffic of every subnet may go."""
    for subnet in network.all("AWS::EC2::Subnet"):
        tables = network.tables(subnet)
        if len(tables) != 1:
            yield f"{subnet}: has {len(tables)} route tables of its own, not one"
        for table in tables:
            yield from _internet(network, subnet, table)
            yield from _gateways(network, subnet, table)
        if subnet.properties["MapPublicIpOnLaunch"] and not _may_be_public(network, subnet):
            yield f"{subnet}: gives its machines public addresses"


def _may_be_public(network: Network, subnet: Resource) -> bool:
    return network.mode == "public" and subnet.name.startswith("MachineSubnet")


def _internet(network: Network, subnet: Resource, table: str) -> Iterator[str]:
    for route in network.ways_out(table):
        if network.mode == "endpoints":
            yield f"{route}: a way out, where there must be none"
        private = not _may_be_public(network, subnet) and not subnet.name.startswith("Public")
        if private and "GatewayId" in route.properties:
            yield f"{route}: {subnet.name} is private, and leads to the internet gateway"


def _gateways(network: Network, subnet: Resource, table: str) -> Iterator[str]:
    for service in ("s3", "dynamodb"):
        endpoint = network.endpoint(service)
        if endpoint is None or table not in endpoint.properties["RouteTableIds"]:
            yield f"{subnet}: goes past the endpoint of {service}"


# ---- network ACLs --------------------------------------------------------------------------------


def acls(network: Network) -> Iterator[str]:
    """Every subnet has an ACL, which is no wider than it must be and lets replies through."""
    entries: dict[str, list[Template]] = {}
    for entry in network.all("AWS::EC2::NetworkAclEntry"):
        entries.setdefault(entry.properties["NetworkAclId"], []).append(entry.properties)
        yield from _narrow(entry)
    for subnet in network.all("AWS::EC2::Subnet"):
        found = network.acls(subnet)
        if not found:
            yield f"{subnet}: has the ACL of the VPC, which lets everything through"
        for acl in found:
            yield from (f"{acl}: {text}" for text in _replies(entries.get(acl, [])))


def _narrow(entry: Resource) -> Iterator[str]:
    rule = entry.properties
    if rule["RuleAction"] != "allow":
        return
    if int(rule["Protocol"]) not in (1, 6):
        yield f"{entry}: lets every protocol through"
    low = rule.get("PortRange", {"From": EPHEMERAL[0]})["From"]
    if not rule["Egress"] and rule["CidrBlock"] == EVERYWHERE and low < 1024:
        yield f"{entry}: takes calls to port {low} from everywhere"


def _replies(entries: list[Template]) -> Iterator[str]:
    for call in entries:
        if call["Protocol"] == 6 and call["PortRange"]["To"] <= HTTPS:
            answer = any(
                other["Egress"] != call["Egress"]
                and other["CidrBlock"] in (call["CidrBlock"], EVERYWHERE)
                and other.get("PortRange", {"From": EPHEMERAL[1]})["From"] <= EPHEMERAL[0]
                and other.get("PortRange", {"To": 0})["To"] >= EPHEMERAL[1]
                for other in entries
            )
            if not answer:
                way = "to" if call["Egress"] else "from"
                where = f"{way} {call['CidrBlock']} port {call['PortRange']['From']}"
                yield f"replies to calls {where} are not let through"


# ---- endpoints -----------------------------------------------------------------------------------


def endpoints(network: Network) -> Iterator[str]:
    if network.mode == "endpoints":
        missing = [service for service in SERVICES if network.endpoint(service) is None]
        yield from (f"endpoints: no machine could reach {service}" for service in missing)
    for endpoint in network.all("AWS::EC2::VPCEndpoint"):
        properties = endpoint.properties
        service = served(endpoint)
        if service not in WITHOUT_POLICY:
            yield from _policy(endpoint, service)
        if properties["VpcEndpointType"] == "Interface":
            if properties.get("PrivateDnsEnabled") is not True:
                yield f"{endpoint}: the name of {service} would still lead to the internet"
            if not properties.get("SecurityGroupIds"):
                yield f"{endpoint}: has the security group of the VPC"


def _policy(endpoint: Resource, service: str) -> Iterator[str]:
    policy = endpoint.properties.get("PolicyDocument")
    if policy is None:
        yield f"{endpoint}: has no policy, so it serves every account"
        return
    for statement in policy["Statement"]:
        if statement["Effect"] == "Allow":
            yield from (f"{endpoint}: {text}" for text in _allowance(statement, service))


def _allowance(statement: Template, service: str) -> Iterator[str]:
    if service == "dynamodb":
        yield "a deck could carry data out by a table"
    tests = statement.get("Condition", {}).get("StringEquals", {})
    if statement["Resource"] == "*" and "aws:PrincipalAccount" not in tests:
        yield "serves every account"
    if service == "s3" and "*" in json.dumps(statement["Action"]):
        yield "allows every action"


# ---- what is noted -------------------------------------------------------------------------------


def flow_logs(network: Network) -> Iterator[str]:
    watched = {item.properties["ResourceId"] for item in network.all("AWS::EC2::FlowLog")}
    for vpc in network.all("AWS::EC2::VPC"):
        if str(vpc) not in watched:
            yield f"{vpc}: nobody notes who calls whom"
        if not (
            vpc.properties.get("EnableDnsHostnames") and vpc.properties.get("EnableDnsSupport")
        ):
            yield f"{vpc}: endpoints would have no private names"


def leaves_alone(network: Network) -> Iterator[str]:
    """Of a VPC that exists nothing is made but what it is asked for."""
    welcome = {"S3Endpoint", "DynamoDbEndpoint"} if network.parameters["RouteTableIds"] else set()
    if not network.parameters["SecurityGroupId"]:
        welcome |= {"MachineSecurityGroup"}
    if network.is_existing:
        made = [item for item in network.everything if item.stack == "network"]
        for item in made:
            if item.name not in welcome:
                yield f"{item}: is made in a VPC of somebody else"


CHECKS: Final = (
    *(lets_in, lets_out, bastions, ways, acls, endpoints),
    *(flow_logs, leaves_alone),
)


def findings(project: Project) -> Iterator[str]:
    """What is wrong with the network in any situation, said once with the first."""
    yield from _findings(json.dumps(_part(project), sort_keys=True))


def _part(project: Project) -> Template:
    """What the network is made from; most other faults of a test leave it as it is."""
    root = project.stacks[ROOT_STACK]
    nested = {name: body for name, body in root["Resources"].items() if body["Type"] == NESTED}
    resources = {**_outline(root)["Resources"], **nested}
    others = {name: _outline(template) for name, template in project.stacks.items()}
    ours = {name: project.stacks[name] for name in STACKS}
    return {
        "stacks": {**others, **ours, ROOT_STACK: {**root, "Resources": resources, "Outputs": {}}},
        "children": project.children,
    }


def _outline(template: Template) -> Template:
    """What another stack can ask of this one."""
    bodies = {
        name: {key: body[key] for key in ("Type", "Condition") if key in body}
        for name, body in template["Resources"].items()
    }
    asked = {key: template.get(key, {}) for key in ("Parameters", "Conditions", "Outputs")}
    return {"Resources": bodies, **asked}


@lru_cache(maxsize=4)
def _findings(part: str) -> tuple[str, ...]:
    project = Project(**json.loads(part), machine_text="")
    said: dict[str, str] = {}
    for situation, parameters in SITUATIONS.items():
        for text in _checked(Made(project, parameters)):
            said.setdefault(text, situation)
    return tuple(f"{text} ({situation})" for text, situation in said.items())


def _checked(made: Made) -> Iterator[str]:
    yield from made.refusals()
    try:
        network = Network(made)
    except ResolveError as error:
        yield f"{error}"
        return
    for check in CHECKS:
        yield from check(network)


RESOURCES: Final[ResourceRules] = {}
PROJECT: Final = (findings,)
