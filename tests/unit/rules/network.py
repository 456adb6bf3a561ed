"""Faults of the network."""

from __future__ import annotations

from tests.unit.rules.damage import Damage, Faults, body, properties, put, without
from tools.project import Project

SSH = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}


def add(stack: str, name: str, kind: str, values: dict[str, object]) -> Damage:
    def damage(project: Project) -> None:
        project.stacks[stack]["Resources"][name] = {"Type": kind, "Properties": values}

    return damage


def also_open(stack: str, group: str, **rule: object) -> Damage:
    def damage(project: Project) -> None:
        properties(project, stack, group).setdefault("SecurityGroupIngress", []).append(rule)

    return damage


def allow_through(endpoint: str, action: object, resource: object, stack: str) -> Damage:
    def damage(project: Project) -> None:
        statement = {"Effect": "Allow", "Principal": "*", "Action": action, "Resource": resource}
        policy = properties(project, stack, endpoint)["PolicyDocument"]
        policy["Statement"].append(statement)

    return damage


def refuse_everything(project: Project) -> None:
    [assertion, *_] = project.stacks["template"]["Rules"]["OwnVpc"]["Assertions"]
    assertion["Assert"] = {"Fn::Equals": ["a", "b"]}


FAULTS: Faults = {
    "ssh open": (
        put("network", "MachineSecurityGroup", "SecurityGroupIngress", [{"CidrIp": "0.0.0.0/0"}]),
        "lets somebody in from 0.0.0.0/0",
    ),
    "machines open to one another": (
        add(
            "network",
            "MachineFromMachine",
            "AWS::EC2::SecurityGroupIngress",
            {"GroupId": "x", "SourceSecurityGroupId": {"Ref": "MachineSecurityGroup"}, **SSH},
        ),
        "lets somebody in from network.MachineSecurityGroup",
    ),
    "bastion open to the world": (
        also_open("access", "BastionGroup", CidrIp="0.0.0.0/0", **SSH),
        "access.BastionGroup: lets somebody in from 0.0.0.0/0",
    ),
    "bastion takes more than ssh": (
        put("access", "BastionGroup", "SecurityGroupIngress/0/ToPort", 3389),
        "lets somebody in from 192.0.2.0/24",
    ),
    "endpoints open to the network": (
        also_open(
            "endpoints", "EndpointSecurityGroup", CidrIp="10.64.0.0/16", FromPort=443, ToPort=443
        ),
        "lets somebody in from 10.64.0.0/16",
    ),
    "everything leaves": (
        put("network", "MachineSecurityGroup", "SecurityGroupEgress", None),
        "everything may leave",
    ),
    "mail leaves": (
        put("network", "MachineSecurityGroup", "SecurityGroupEgress/0/FromPort", 25),
        "more may leave than HTTPS",
    ),
    "bastion with imdsv1": (
        put("access", "Bastion", "MetadataOptions/HttpTokens", "optional"),
        "access.Bastion: IMDSv1",
    ),
    "bastion volume plain": (
        put("access", "Bastion", "BlockDeviceMappings/0/Ebs/Encrypted", None),
        "access.Bastion: its volume is not encrypted",
    ),
    "bastion with a key": (put("access", "Bastion", "KeyName", "mine"), "a key that never ends"),
    "bastion with a role": (
        put("access", "Bastion", "IamInstanceProfile", "admin"),
        "access.Bastion: has a role",
    ),
    "subnet without routes": (without("network", "MachineRoutesD"), "MachineSubnetD: has 0 route"),
    "machines always public": (
        put("network", "MachineSubnetE", "MapPublicIpOnLaunch", True),
        "MachineSubnetE: gives its machines public addresses",
    ),
    "public subnet gives addresses": (
        put("network", "PublicSubnetA", "MapPublicIpOnLaunch", True),
        "PublicSubnetA: gives its machines public addresses",
    ),
    "machines behind the internet gateway": (
        put("network", "MachineRoutesB", "RouteTableId", {"Ref": "PublicRoutes"}),
        "MachineSubnetB is private, and leads to the internet gateway",
    ),
    "a way out of endpoints": (
        add(
            "network",
            "Leak",
            "AWS::EC2::Route",
            {
                "RouteTableId": {"Fn::If": ["MakesVpc", {"Ref": "MachineRoutes"}, "rtb-1"]},
                "DestinationCidrBlock": "0.0.0.0/0",
                "TransitGatewayId": "tgw-1",
            },
        ),
        "network.Leak: a way out, where there must be none",
    ),
    "storage past the endpoints": (
        put("network", "S3Endpoint", "RouteTableIds/Fn::If/1/2", None),
        "StorageSubnetA: goes past the endpoint of s3",
    ),
    "no endpoint of dynamodb": (
        without("network", "DynamoDbEndpoint"),
        "goes past the endpoint of dynamodb",
    ),
    "acl lets nothing back": (
        without("network", "MachineHearsReplies"),
        "network.MachineAcl: replies to calls to 0.0.0.0/0 port 443",
    ),
    "acl hears half of the replies": (
        put("network", "MachineHearsReplies", "PortRange/To", 40000),
        "network.MachineAcl: replies to calls to 0.0.0.0/0 port 443",
    ),
    "endpoints cannot answer": (
        without("network", "EndpointReplies"),
        "network.MachineAcl: replies to calls from 10.64.0.0/16 port 443",
    ),
    "ssh cannot be answered": (
        without("access", "BastionRepliesSsh"),
        "network.PublicAcl: replies to calls from 192.0.2.0/24 port 22",
    ),
    "acl takes ssh from everywhere": (
        put("access", "MachineHearsSsh", "CidrBlock", "0.0.0.0/0"),
        "access.MachineHearsSsh: takes calls to port 22 from everywhere",
    ),
    "acl of everything": (
        put("network", "NatHearsMachines", "Protocol", -1),
        "network.NatHearsMachines: lets every protocol through",
    ),
    "subnet without an acl": (
        without("network", "StorageAclF"),
        "StorageSubnetF: has the ACL of the VPC",
    ),
    "no endpoint of lambda": (without("endpoints", "LambdaEndpoint"), "could reach lambda"),
    "endpoint for every account": (
        put("endpoints", "EcrApiEndpoint", "PolicyDocument", None),
        "endpoints.EcrApiEndpoint: has no policy",
    ),
    "s3 endpoint without a policy": (
        put("network", "S3Endpoint", "PolicyDocument", None),
        "network.S3Endpoint: has no policy",
    ),
    "functions of every account": (
        allow_through("LambdaEndpoint", "lambda:InvokeFunction", "*", "endpoints"),
        "endpoints.LambdaEndpoint: serves every account",
    ),
    "every bucket": (
        allow_through("S3Endpoint", "s3:PutObject", "*", "network"),
        "network.S3Endpoint: serves every account",
    ),
    "every action on the runs": (
        allow_through("S3Endpoint", "s3:*", {"Ref": "RunsBucketArn"}, "network"),
        "network.S3Endpoint: allows every action",
    ),
    "a table of somebody": (
        put("network", "DynamoDbEndpoint", "PolicyDocument/Statement/0/Effect", "Allow"),
        "network.DynamoDbEndpoint: a deck could carry data out",
    ),
    "endpoint without its name": (
        put("endpoints", "SsmEndpoint", "PrivateDnsEnabled", False),
        "the name of ssm would still lead to the internet",
    ),
    "endpoint in the group of the vpc": (
        put("endpoints", "EcsAgentEndpoint", "SecurityGroupIds", None),
        "endpoints.EcsAgentEndpoint: has the security group of the VPC",
    ),
    "no flow logs": (without("network", "FlowLog"), "nobody notes who calls whom"),
    "vpc without names": (put("network", "Vpc", "EnableDnsSupport", False), "no private names"),
    "a log in the vpc of others": (
        body("network", "FlowLogGroup", "Condition", "HasGatewayEndpoints"),
        "network.FlowLogGroup: is made in a VPC of somebody else",
    ),
    "storage without its table": (
        body("network", "StorageRoutes", "Condition", "UsesNat"),
        "network: StorageRoutes is referred to, but not made (public, wide, bastion)",
    ),
    "sound parameters refused": (refuse_everything, "SubnetIds are of an existing VPC"),
}
