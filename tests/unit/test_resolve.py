"""A template worked out for one set of parameters, as CloudFormation would."""

from __future__ import annotations

from typing import Any

import pytest

from tools.project import Project
from tools.resolve import ACCOUNT, Made, ResolveError


def made(resources: dict[str, Any], more: dict[str, Any] | None = None, **given: str) -> Made:
    template = {"Resources": resources, **(more or {})}
    return Made(Project({"template": template}, {}, ""), given)


def worked_out(value: Any, **given: str) -> Any:
    more = {
        "Parameters": {
            "Name": {"Type": "String", "Default": "a"},
            "Many": {"Type": "CommaDelimitedList", "Default": "x,y"},
            "Number": {"Type": "Number", "Default": 2},
        },
        "Conditions": {
            "IsA": {"Fn::Equals": [{"Ref": "Name"}, "a"]},
            "IsTwo": {"Fn::Equals": [{"Ref": "Number"}, 2]},
            "Both": {"Fn::And": [{"Condition": "IsA"}, {"Condition": "IsTwo"}]},
            "Other": {"Fn::Not": [{"Fn::Or": [{"Condition": "IsA"}, {"Condition": "IsTwo"}]}]},
        },
    }
    resources = {
        "Thing": {"Type": "T", "Properties": {"Value": value}},
        "Absent": {"Type": "T", "Condition": "Other"},
    }
    [thing] = [item for item in made(resources, more, **given).resources() if item.name == "Thing"]
    return thing.properties.get("Value")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "Name"}, "a"),
        ({"Ref": "Many"}, ["x", "y"]),
        ({"Ref": "Thing"}, "template.Thing"),
        ({"Fn::GetAtt": ["Thing", "Arn"]}, "template.Thing.Arn"),
        ({"Fn::GetAtt": "Thing.Arn"}, "template.Thing.Arn"),
        ({"Ref": "AWS::NoValue"}, None),
        ([1, {"Ref": "AWS::NoValue"}, 2], [1, 2]),
        ({"a": {"Ref": "AWS::NoValue"}, "b": 1}, {"b": 1}),
        ({"Fn::If": ["Both", {"Ref": "Name"}, "no"]}, "a"),
        ({"Fn::If": ["Other", {"Ref": "Nobody"}, "no"]}, "no"),
        ({"Fn::Sub": "${Name}:${Thing.Arn}:${AWS::AccountId}:${!kept}"},
         f"a:template.Thing.Arn:{ACCOUNT}:${{kept}}"),
        ({"Fn::Sub": ["${B}/${Name}", {"B": {"Ref": "Number"}}]}, "2/a"),
        ({"Fn::Join": ["-", [{"Ref": "Name"}, {"Ref": "AWS::NoValue"}, 3]]}, "a-3"),
        ({"Fn::Select": [1, {"Fn::Split": [",", "p,q"]}]}, "q"),
        ({"Fn::Select": ["2", {"Fn::GetAZs": ""}]}, "us-east-2c"),
        ({"Fn::Select": [3, {"Fn::Cidr": ["10.0.0.0/16", 16, 12]}]}, "10.0.48.0/20"),
        ({"Fn::Cidr": ["10.0.0.0/16", 2, 8]}, ["10.0.0.0/24", "10.0.1.0/24"]),
        ({"Fn::Base64": {"Ref": "Name"}}, "a"),
        ({"Condition": {"Bool": {"x": True}}}, {"Condition": {"Bool": {"x": True}}}),
    ],
)  # fmt: skip
def test_a_value_is_worked_out(value: Any, expected: Any) -> None:
    assert worked_out(value) == expected


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"Ref": "Nobody"}, "no resource or parameter Nobody"),
        ({"Ref": "Absent"}, "Absent is referred to, but not made"),
        ({"Fn::If": ["Nowhere", 1, 2]}, "no condition Nowhere"),
        ({"Fn::ImportValue": "x"}, "Fn::ImportValue cannot be worked out"),
    ],
)
def test_what_aws_would_refuse_is_refused(value: Any, said: str) -> None:
    with pytest.raises(ResolveError, match=said):
        worked_out(value)


def nested(**given: str) -> Made:
    parent = {
        "Parameters": {"On": {"Type": "String", "Default": "yes"}},
        "Conditions": {"IsOn": {"Fn::Equals": [{"Ref": "On"}, "yes"]}},
        "Resources": {
            "Child": {
                "Type": "AWS::CloudFormation::Stack",
                "Condition": "IsOn",
                "Properties": {"Parameters": {"Many": ["p", "q"], "Flag": True}},
            },
            "Reader": {
                "Type": "T",
                "Properties": {"Value": {"Fn::GetAtt": ["Child", "Outputs.Flag"]}},
            },
        },
    }
    child = {
        "Parameters": {"Many": {"Type": "CommaDelimitedList"}, "Flag": {"Type": "String"}},
        "Resources": {"Thing": {"Type": "T", "Properties": {"Value": {"Ref": "Many"}}}},
        "Outputs": {"Flag": {"Value": {"Fn::Sub": "${Flag}/${Thing}"}}},
    }
    project = Project({"template": parent, "below": child}, {"Child": "below"}, "")
    return Made(project, given)


def test_parameters_go_down_and_outputs_come_up() -> None:
    found = {str(item): item.properties["Value"] for item in nested().resources("T")}
    assert found == {"below.Thing": ["p", "q"], "template.Reader": "true/below.Thing"}


def test_an_output_of_a_stack_that_is_not_made_is_refused() -> None:
    with pytest.raises(ResolveError, match="Child is referred to, but not made"):
        list(nested(On="no").resources())


def test_rules_and_constraints_refuse() -> None:
    more = {
        "Parameters": {
            "Size": {"Type": "String", "AllowedValues": [1, 2]},
            "Name": {"Type": "String", "AllowedPattern": "[a-z]+", "ConstraintDescription": "c"},
        },
        "Rules": {
            "One": {
                "RuleCondition": {"Fn::Equals": [{"Ref": "Name"}, "a"]},
                "Assertions": [
                    {
                        "Assert": {"Fn::Contains": [["1"], {"Ref": "Size"}]},
                        "AssertDescription": "a is small",
                    }
                ],
            }
        },
    }
    assert made({}, more, Size="1", Name="a").refusals() == []
    assert made({}, more, Size="2", Name="a").refusals() == ["a is small"]
    assert made({}, more, Size="2", Name="b").refusals() == []
    assert made({}, more, Size="3", Name="B").refusals() == ["Size is not one of 1, 2.", "Name c"]
    assert made({}, more, Size="1").refusals() == ["Name has no value."]
