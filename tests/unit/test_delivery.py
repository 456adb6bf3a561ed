"""What a workflow may do on AWS: enough for the stacks as they are, and nothing to destroy."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from tools.project import ROOT, Project, load, walk
from tools.rules.roles import as_list

MAKES = {
    "AWS::Batch::ComputeEnvironment": "batch:CreateComputeEnvironment",
    "AWS::Batch::JobDefinition": "batch:RegisterJobDefinition",
    "AWS::Batch::JobQueue": "batch:CreateJobQueue",
    "AWS::Batch::SchedulingPolicy": "batch:CreateSchedulingPolicy",
    "AWS::Budgets::Budget": "budgets:ModifyBudget",
    "AWS::CloudFormation::Stack": "cloudformation:CreateStack",
    "AWS::CloudWatch::Alarm": "cloudwatch:PutMetricAlarm",
    "AWS::CloudWatch::Dashboard": "cloudwatch:PutDashboard",
    "AWS::DynamoDB::Table": "dynamodb:CreateTable",
    "AWS::EC2::EIP": "ec2:AllocateAddress",
    "AWS::EC2::FlowLog": "ec2:CreateFlowLogs",
    "AWS::EC2::InstanceConnectEndpoint": "ec2:CreateInstanceConnectEndpoint",
    "AWS::EC2::InternetGateway": "ec2:CreateInternetGateway",
    "AWS::EC2::LaunchTemplate": "ec2:CreateLaunchTemplate",
    "AWS::EC2::NatGateway": "ec2:CreateNatGateway",
    "AWS::EC2::NetworkAcl": "ec2:CreateNetworkAcl",
    "AWS::EC2::NetworkAclEntry": "ec2:CreateNetworkAclEntry",
    "AWS::EC2::Route": "ec2:CreateRoute",
    "AWS::EC2::RouteTable": "ec2:CreateRouteTable",
    "AWS::EC2::SecurityGroup": "ec2:CreateSecurityGroup",
    "AWS::EC2::SecurityGroupIngress": "ec2:AuthorizeSecurityGroupIngress",
    "AWS::EC2::Subnet": "ec2:CreateSubnet",
    "AWS::EC2::SubnetNetworkAclAssociation": "ec2:ReplaceNetworkAclAssociation",
    "AWS::EC2::SubnetRouteTableAssociation": "ec2:AssociateRouteTable",
    "AWS::EC2::VPC": "ec2:CreateVpc",
    "AWS::EC2::VPCEndpoint": "ec2:CreateVpcEndpoint",
    "AWS::EC2::VPCGatewayAttachment": "ec2:AttachInternetGateway",
    "AWS::ECR::Repository": "ecr:CreateRepository",
    "AWS::Events::Rule": "events:PutRule",
    "AWS::IAM::InstanceProfile": "iam:CreateInstanceProfile",
    "AWS::IAM::Policy": "iam:PutRolePolicy",
    "AWS::IAM::Role": "iam:CreateRole",
    "AWS::KMS::Key": "kms:CreateKey",
    "AWS::Lambda::EventInvokeConfig": "lambda:PutFunctionEventInvokeConfig",
    "AWS::Lambda::EventSourceMapping": "lambda:CreateEventSourceMapping",
    "AWS::Lambda::Function": "lambda:CreateFunction",
    "AWS::Lambda::LayerVersion": "lambda:PublishLayerVersion",
    "AWS::Lambda::Permission": "lambda:AddPermission",
    "AWS::Logs::LogGroup": "logs:CreateLogGroup",
    "AWS::S3::Bucket": "s3:CreateBucket",
    "AWS::S3::BucketPolicy": "s3:PutBucketPolicy",
    "AWS::SNS::Subscription": "sns:Subscribe",
    "AWS::SNS::Topic": "sns:CreateTopic",
    "AWS::SNS::TopicPolicy": "sns:SetTopicAttributes",
    "AWS::SQS::Queue": "sqs:CreateQueue",
    "AWS::SQS::QueuePolicy": "sqs:SetQueueAttributes",
    "AWS::StepFunctions::StateMachine": "states:CreateStateMachine",
}
"""What CloudFormation calls to make a resource; a new type needs its line here and its actions in
ops/delivery.yaml."""

BY_HAND = {
    "AWS::CE::AnomalyMonitor",
    "AWS::CE::AnomalySubscription",
    "AWS::CloudTrail::Trail",
    "AWS::Config::ConfigRule",
    "AWS::Config::ConfigurationRecorder",
    "AWS::Config::DeliveryChannel",
    "AWS::EC2::Instance",
}
"""What stands behind a parameter that is off, and is turned on by an administrator, not by a
workflow: machines to log in to, and records of the whole account."""

DESTROYS = {"ecr:BatchDeleteImage", "kms:ScheduleKeyDeletion", "s3:DeleteObject"}

ACCOUNT = {
    "${AWS::Partition}": "aws",
    "${AWS::Region}": "us-east-2",
    "${AWS::AccountId}": "123456789012",
    "${StackName}": "deckhand-dev",
}
INLINE_CHARACTERS = 10240
MANAGED_CHARACTERS = 6144


@pytest.fixture(scope="module")
def project() -> Project:
    return load()


@pytest.fixture(scope="module")
def delivery() -> dict[str, Any]:
    text = (ROOT / "ops" / "delivery.yaml").read_text(encoding="utf-8")
    return dict(json.loads(json.dumps(yaml_parse(text)))["Resources"])


@pytest.fixture(scope="module")
def service_role(delivery: dict[str, Any]) -> dict[str, Any]:
    """The role with all its policies in one place."""
    role = delivery["ServiceRole"]["Properties"]
    assert role["ManagedPolicyArns"] == [{"Ref": "Machines"}]
    attached = {"PolicyDocument": delivery["Machines"]["Properties"]["PolicyDocument"]}
    return {"Properties": {"Policies": [*role["Policies"], attached]}}


def documents(resource: dict[str, Any]) -> list[dict[str, Any]]:
    properties = resource["Properties"]
    if "PolicyDocument" in properties:
        return [properties["PolicyDocument"]]
    return [policy["PolicyDocument"] for policy in properties["Policies"]]


def statements(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for document in documents(resource):
        yield from document["Statement"]


def actions(resource: dict[str, Any]) -> set[str]:
    return {action for each in statements(resource) for action in as_list(each["Action"])}


def named(resource: Any) -> str:
    """A resource of a policy with the account's values in it; a reference as its name."""
    text = resource["Fn::Sub"] if isinstance(resource, dict) and "Fn::Sub" in resource else resource
    return re.sub(r"\$\{[\w:]+\}", lambda found: ACCOUNT[found[0]], str(text))


def test_cloudformation_may_make_every_resource_of_the_stacks(
    project: Project, service_role: dict[str, Any]
) -> None:
    types = {resource.type for resource in project.resources()} - BY_HAND
    assert sorted(types - set(MAKES)) == []
    may = actions(service_role)
    assert sorted(MAKES[name] for name in types if MAKES[name] not in may) == []


def test_every_layer_is_among_those_that_may_be_published(
    project: Project, delivery: dict[str, Any]
) -> None:
    patterns = [
        named(resource)
        for each in statements(delivery["ServiceRole"])
        if "lambda:PublishLayerVersion" in each["Action"]
        for resource in each["Resource"]
    ]
    for layer in project.resources("AWS::Lambda::LayerVersion"):
        arn = f"arn:aws:lambda:us-east-2:123456789012:layer:{layer.properties['LayerName']}"
        assert any(fnmatchcase(arn, pattern) for pattern in patterns)


def test_a_deployment_cannot_remove_what_is_kept(
    project: Project, delivery: dict[str, Any], service_role: dict[str, Any]
) -> None:
    kept = {
        resource.type
        for resource in project.resources()
        if resource.body.get("DeletionPolicy") == "Retain"
    }
    assert {"AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::ECR::Repository"} <= kept
    makes = {MAKES[name] for name in kept if name in MAKES}
    removes = {action.replace("Create", "Delete") for action in makes if "Create" in action}
    assert "s3:DeleteBucket" in removes
    for role in (delivery["DeployRole"], service_role, delivery["ImageRole"]):
        may = actions(role)
        assert may.isdisjoint(removes | DESTROYS)
    assert "cloudformation:DeleteStack" not in actions(delivery["DeployRole"])


def test_no_role_is_given_a_wildcard_action(delivery: dict[str, Any]) -> None:
    for resource in delivery.values():
        if resource["Type"] != "AWS::IAM::OIDCProvider":
            assert [action for action in actions(resource) if "*" in action] == []


def test_only_the_environment_of_the_repository_becomes_a_role(delivery: dict[str, Any]) -> None:
    for name in ("DeployRole", "ImageRole"):
        (trust,) = delivery[name]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Action"] == "sts:AssumeRoleWithWebIdentity"
        assert trust["Condition"] == {
            "StringEquals": {
                "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                "token.actions.githubusercontent.com:sub": {
                    "Fn::Sub": "repo:${Repository}:environment:${EnvironmentName}"
                },
            }
        }


def test_a_stack_is_changed_by_the_service_role_alone(delivery: dict[str, Any]) -> None:
    changes = [
        each
        for each in statements(delivery["DeployRole"])
        if "cloudformation:CreateChangeSet" in as_list(each["Action"])
        and "transform/" not in named(each["Resource"])
    ]
    (change,) = changes
    role = {"Fn::GetAtt": ["ServiceRole", "Arn"]}
    assert change["Condition"] == {"StringEquals": {"cloudformation:RoleArn": role}}
    passed = [each for each in statements(delivery["DeployRole"]) if "iam:" in str(each["Action"])]
    assert [(each["Action"], each["Resource"]) for each in passed] == [("iam:PassRole", role)]


def test_no_role_of_the_delivery_can_be_written_by_a_deployment(
    delivery: dict[str, Any], service_role: dict[str, Any]
) -> None:
    writes = [
        named(resource)
        for each in statements(service_role)
        if any(action.startswith("iam:") for action in as_list(each["Action"]))
        for resource in as_list(each["Resource"])
    ]
    assert writes
    for name in ("DeployRole", "ImageRole", "ServiceRole", "Machines", "Boundary"):
        path = delivery[name]["Properties"]["Path"]
        for kind in ("role", "policy"):
            arn = f"arn:aws:iam::123456789012:{kind}{path}deckhand-dev-{name}-1A2B"
            assert not any(fnmatchcase(arn, pattern) for pattern in writes)
    assert any(
        fnmatchcase("arn:aws:iam::123456789012:role/deckhand-dev-Job-1A", it) for it in writes
    )


def test_a_role_is_only_written_with_the_boundary(service_role: dict[str, Any]) -> None:
    gives = {"iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy"}
    held = [each for each in statements(service_role) if gives & set(as_list(each["Action"]))]
    (only,) = held
    condition, bound, _ = only["Condition"]["Fn::If"]
    assert condition == "RequiresBoundary"
    assert bound == {"StringEquals": {"iam:PermissionsBoundary": {"Ref": "Boundary"}}}
    assert "iam:DeleteRolePermissionsBoundary" not in actions(service_role)


def test_the_boundary_leaves_every_role_of_the_stacks_what_it_has(
    project: Project, delivery: dict[str, Any]
) -> None:
    given = {
        action
        for resource in project.resources("AWS::IAM::Role", "AWS::IAM::Policy")
        for _, value in walk(resource.properties)
        if isinstance(value, dict) and value.get("Effect") == "Allow" and "Principal" not in value
        for action in as_list(value["Action"])
    }
    assert len(given) > 40
    assert sorted(given - actions(delivery["Boundary"])) == []


def test_the_policies_fit(delivery: dict[str, Any]) -> None:
    def characters(document: dict[str, Any]) -> int:
        text = json.dumps(document, separators=(",", ":"))
        return len(re.sub(r"\$\{[\w:]+\}", lambda found: ACCOUNT[found[0]], text))

    for resource in delivery.values():
        if resource["Type"] == "AWS::IAM::Role":
            assert sum(map(characters, documents(resource))) < INLINE_CHARACTERS
        if resource["Type"] == "AWS::IAM::ManagedPolicy":
            assert sum(map(characters, documents(resource))) < MANAGED_CHARACTERS
