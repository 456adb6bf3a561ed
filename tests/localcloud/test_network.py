"""The network of the real template on a local cloud: made, changed from mode to mode, and gone."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from deckhand.adapters.local_cloud import LocalCloud
from localcloud import lifecycle
from localcloud.environments import Environments
from tools.project import Project, load, walk
from tools.rules.network import SERVICES

STACKS = ("NetworkStack", "EndpointsStack", "AccessStack")
RUNS = "arn:aws:s3:::runs-of-somebody"
TEMPLATES = "templates"
PUBLIC = {"NetworkMode": "public"}
NAT = {"NetworkMode": "nat", "ZoneCount": "2"}
ENDPOINTS = {"NetworkMode": "endpoints", "EndpointZoneCount": "2"}


class Network:
    """A stack with the network, the endpoints and the access of the template, and nothing else."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._session = boto3.Session(cloud.account, "local", region_name=cloud.region)
        self._endpoint = cloud.endpoint
        self.cloudformation = self.client("cloudformation")
        self.ec2 = self.client("ec2")
        self.body = self._only_the_network(load())
        self._before = self.standing()

    def client(self, service: str) -> Any:
        return self._session.client(service, endpoint_url=self._endpoint)

    def _only_the_network(self, project: Project) -> str:
        s3 = self.client("s3")
        s3.create_bucket(Bucket=TEMPLATES)
        root = project.stacks["template"]
        resources = {name: root["Resources"][name] for name in STACKS}
        for name, resource in resources.items():
            child = project.children[name]
            s3.put_object(Bucket=TEMPLATES, Key=child, Body=json.dumps(project.stacks[child]))
            resource["Properties"]["TemplateURL"] = f"{self._endpoint}/{TEMPLATES}/{child}"
        resources["NetworkStack"]["Properties"]["Parameters"]["RunsBucketArn"] = RUNS
        kept = {"Rules": root["Rules"], "Conditions": root["Conditions"], "Resources": resources}
        asked = {
            value["Ref"] for _, value in walk(kept) if isinstance(value, dict) and "Ref" in value
        }
        parameters = {n: p for n, p in root["Parameters"].items() if n in asked}
        return json.dumps({**kept, "Parameters": parameters})

    def make(self, **parameters: str) -> None:
        """Create the stack, or change it."""
        given = [{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()]
        exists = "net" in self.stacks()
        call = self.cloudformation.update_stack if exists else self.cloudformation.create_stack
        allowed = ["CAPABILITY_IAM"]  # flow logs are written under a role
        call(StackName="net", TemplateBody=self.body, Parameters=given, Capabilities=allowed)
        done = "stack_update_complete" if exists else "stack_create_complete"
        self._wait(done)

    def _wait(self, done: str) -> None:
        waiter = self.cloudformation.get_waiter(done)
        waiter.wait(StackName="net", WaiterConfig={"Delay": 1, "MaxAttempts": 120})

    def end(self) -> None:
        self.cloudformation.delete_stack(StackName="net")
        self._wait("stack_delete_complete")

    def stacks(self) -> list[str]:
        gone = "DELETE_COMPLETE"
        summaries = self.cloudformation.list_stacks()["StackSummaries"]
        return [item["StackName"] for item in summaries if item["StackStatus"] != gone]

    def children(self) -> set[str]:
        found = self.cloudformation.list_stack_resources(StackName="net")["StackResourceSummaries"]
        return {item["LogicalResourceId"] for item in found}

    def standing(self) -> dict[str, set[str]]:
        """Ids of everything that EC2 has."""
        ec2 = self.ec2
        asked = {
            "Vpcs": ("VpcId", ec2.describe_vpcs),
            "Subnets": ("SubnetId", ec2.describe_subnets),
            "RouteTables": ("RouteTableId", ec2.describe_route_tables),
            "SecurityGroups": ("GroupId", ec2.describe_security_groups),
            "VpcEndpoints": ("VpcEndpointId", ec2.describe_vpc_endpoints),
            "InternetGateways": ("InternetGatewayId", ec2.describe_internet_gateways),
        }
        return {name: {item[key] for item in call()[name]} for name, (key, call) in asked.items()}

    def made(self, kind: str) -> set[str]:
        return self.standing()[kind] - self._before[kind]

    def subnets(self) -> dict[str, tuple[str, str, bool]]:
        """By name: id, block and whether machines get a public address."""
        found = self.ec2.describe_subnets(SubnetIds=sorted(self.made("Subnets")))["Subnets"]
        return {
            re.sub(r"^.*-(\w+-\w)$", r"\1", next(t["Value"] for t in item["Tags"])): (
                item["SubnetId"],
                item["CidrBlock"],
                item["MapPublicIpOnLaunch"],
            )
            for item in found
        }

    def ways_out(self) -> list[str]:
        """The targets of the default routes of the tables that were made."""
        tables = self.ec2.describe_route_tables(RouteTableIds=sorted(self.made("RouteTables")))
        return sorted(
            "nat" if "NatGatewayId" in route else str(route["GatewayId"])[:3]
            for table in tables["RouteTables"]
            for route in table["Routes"]
            if route.get("DestinationCidrBlock") == "0.0.0.0/0"
        )

    def services(self) -> list[str]:
        ids = sorted(self.made("VpcEndpoints"))
        found = self.ec2.describe_vpc_endpoints(VpcEndpointIds=ids)["VpcEndpoints"] if ids else []
        return sorted(item["ServiceName"].split(".", 3)[3] for item in found)

    def ingress(self) -> list[Any]:
        groups = sorted(self.made("SecurityGroups"))
        found = self.ec2.describe_security_groups(GroupIds=groups)["SecurityGroups"]
        return [rule for group in found for rule in group["IpPermissions"]]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    state = tmp_path_factory.mktemp("bare")
    process = lifecycle.launch(state, Environments(), "--die-with", str(os.getpid()))
    try:
        yield Network(lifecycle.wait_until_ready(state, process))
    finally:
        process.terminate()
        process.wait()


def gone(network: Network) -> bool:
    return not any(network.made(kind) for kind in network.standing())


def test_it_goes_from_mode_to_mode_and_leaves_nothing(network: Network) -> None:
    network.make(**PUBLIC)
    public = network.subnets()
    assert network.ways_out() == ["igw"]
    assert [open_ for _, _, open_ in public.values()] == [True] * 3
    assert network.services() == ["dynamodb", "s3"]
    assert network.ingress() == []

    network.make(**NAT)
    nat = network.subnets()
    assert network.ways_out() == ["igw", "nat"]
    assert sorted(nat) == ["machines-a", "machines-b", "public-a"]
    assert not any(open_ for _, _, open_ in nat.values())

    network.make(**ENDPOINTS)
    endpoints = network.subnets()
    assert network.ways_out() == []
    assert not network.made("InternetGateways")
    assert network.services() == sorted(("dynamodb", "s3", *SERVICES))
    assert [rule["FromPort"] for rule in network.ingress()] == [443]

    for later in (nat, endpoints):
        assert later["machines-a"][:2] == public["machines-a"][:2]
    network.make(**PUBLIC)
    assert network.ways_out() == ["igw"]
    network.end()
    assert gone(network)


def test_doors_are_made_and_taken_away(network: Network) -> None:
    network.make(**NAT)
    network.make(**NAT, Access="bastion", AccessCidr="192.0.2.0/24")
    assert network.children() == {"NetworkStack", "AccessStack"}
    assert [(rule["FromPort"], rule["IpRanges"][0]["CidrIp"]) for rule in network.ingress()] == [
        (22, "192.0.2.0/24")
    ]
    network.make(**NAT, Access="instance-connect", StorageSubnets="yes")
    assert {"storage-a", "storage-b"} < set(network.subnets())
    network.make(**NAT)
    assert network.children() == {"NetworkStack"}
    assert network.ingress() == []
    network.end()
    assert gone(network)


def test_an_existing_vpc_is_left_as_it_is(network: Network) -> None:
    vpc = network.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = network.ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
    table = network.ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    before = network.standing()
    network.make(VpcId=vpc, SubnetIds=subnet, RouteTableIds=table, **{"Access": "instance-connect"})
    after = network.standing()
    assert {kind: len(after[kind] - before[kind]) for kind in after} == {
        **{"Vpcs": 0, "Subnets": 0, "RouteTables": 0, "InternetGateways": 0},
        **{"SecurityGroups": 2, "VpcEndpoints": 2},
    }
    endpoints = network.ec2.describe_vpc_endpoints()["VpcEndpoints"]
    assert [item["RouteTableIds"] for item in endpoints] == [[table]] * 2
    network.make(VpcId=vpc, SubnetIds=subnet)
    assert network.services() == []
    network.end()
    assert network.standing() == before
    network.ec2.delete_route_table(RouteTableId=table)
    network.ec2.delete_subnet(SubnetId=subnet)
    network.ec2.delete_vpc(VpcId=vpc)
    assert gone(network)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"SubnetIds": "subnet-1"}, "VpcId must name it"),
        ({"Access": "bastion"}, "Access=bastion needs AccessCidr"),
        ({"Access": "bastion", "AccessCidr": "0.0.0.0/0"}, "at most 65 536 addresses"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_made(
    network: Network, parameters: dict[str, str], said: str
) -> None:
    before = network.standing()
    with pytest.raises(ClientError, match=said):
        network.make(**parameters)
    assert network.standing() == before
    assert "net" not in network.stacks()
