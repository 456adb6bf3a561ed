"""The network of the real template on a local cloud: made, changed from mode to mode, and gone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from deckhand.adapters.local_cloud import LocalCloud
from localcloud import lifecycle
from localcloud.environments import Environments
from tools.project import Project, load, walk

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
        call(StackName="net", TemplateBody=self.body, Parameters=given)
        done = "stack_update_complete" if exists else "stack_create_complete"
        self._wait(done)

    def _wait(self, done: str) -> None:
        waiter = self.cloudformation.get_waiter(done)
        try:
            waiter.wait(StackName="net", WaiterConfig={"Delay": 1, "MaxAttempts": 120})
        except Exception:
            events = self.cloudformation.describe_stack_events(StackName="net")["StackEvents"]
            print(*[event for event in events if "FAILED" in event["ResourceStatus"]], sep="\n")
            raise

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
            re.sub(r"[^a-z].*", "", route.get("GatewayId") or route.get("NatGatewayId") or "nat")
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
    process = lifecycle.launch(state, Environments())
    try:
        yield Network(lifecycle.wait_until_ready(state, process))
    finally:
        process.terminate()
        process.wait()


def nothing_left(network: Network) -> bool:
    return not any(network.made(kind) for kind in network.standing())
