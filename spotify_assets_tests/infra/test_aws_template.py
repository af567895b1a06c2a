"""infra/aws.yaml: clean, deployable twice over itself, encrypted, TLS only, and without a wildcard to write to."""

from __future__ import annotations

import ast
import fnmatch
import io
import json
import re
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto import mock_aws

from spotify_assets.settings import Settings
from spotify_assets_tests.infra.template import TEMPLATE, Resolver, as_list, load, statements

REGION = "eu-west-1"
STACK = "spotify-assets"
BUCKET = "spotify-assets-123456789012-eu-west-1"
SNOWFLAKE_USER = "arn:aws:iam::999999999999:user/abc1-b-self1234"
EVERYTHING = {
    "SnowflakeIamUserArn": SNOWFLAKE_USER,
    "SnowflakeExternalId": "TEST_SFCRole=2_abc=",
    "SnowpipeQueueArn": "arn:aws:sqs:eu-west-1:999999999999:sf-snowpipe-abc",
    "DagsterAccess": "ecs",
    "DagsterOidcProvider": "oidc.eks.eu-west-1.amazonaws.com/id/ABC123",
    "GlueCrawler": "theirs",
    "GitHubRepository": "example/spotify-assets",
    "ExtractionCodeKey": "lake/lambda/first.zip",
    "AlertEmail": "oncall@example.com",
}
READ_ONLY = re.compile(r"[a-z0-9-]+:(Get|List|Describe|BatchGet|Filter)[A-Za-z]*")


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return load()


@pytest.fixture(scope="module")
def resources(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every resource, each optional part switched on."""
    everything = Resolver(template, **EVERYTHING).resources()
    others = (Resolver(template, **{**EVERYTHING, "DagsterAccess": access}).resources() for access in ("user", "eks"))
    return {**dict(item for other in others for item in other.items()), **everything}


def properties(resources: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    return resources[name]["Properties"]


def lint(template: str) -> list[str]:
    from cfnlint.api import lint

    return [str(found) for found in lint(template)]


def test_cfn_lint_finds_nothing_to_say() -> None:
    assert lint(TEMPLATE.read_text()) == []


def test_cfn_lint_would_have_something_to_say_of_a_mistake() -> None:
    broken = TEMPLATE.read_text().replace("GlueVersion: !Ref GlueVersion", "GlueVersoin: !Ref GlueVersion")
    assert lint(broken)


class TestProperties:
    def test_every_optional_part_is_covered_by_these_tests(self, template: dict, resources: dict) -> None:
        assert resources.keys() == template["Resources"].keys()

    def test_the_bucket_is_encrypted_versioned_private_and_kept(self, resources: dict) -> None:
        bucket = properties(resources, "LakeBucket")
        rule = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert len(bucket["PublicAccessBlockConfiguration"]) == 4
        assert resources["LakeBucket"]["DeletionPolicy"] == resources["LakeBucket"]["UpdateReplacePolicy"] == "Retain"

    @pytest.mark.parametrize("policy", ["LakeBucketPolicy", "LakeEventsQueuePolicy"])
    def test_plain_http_is_denied_to_everyone(self, resources: dict, policy: str) -> None:
        denials = [
            statement
            for statement in statements(properties(resources, policy))
            if statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
        ]
        assert [(one["Effect"], one["Principal"]) for one in denials] == [("Deny", "*")]

    def test_the_bucket_denies_http_for_itself_and_for_its_objects(self, resources: dict) -> None:
        for statement in statements(properties(resources, "LakeBucketPolicy")):
            assert statement["Resource"] == [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]

    def test_nothing_ever_expires_a_raw_snapshot(self, resources: dict) -> None:
        rules = properties(resources, "LakeBucket")["LifecycleConfiguration"]["Rules"]
        expiring = [rule for rule in rules if "ExpirationInDays" in rule or "NoncurrentVersionExpiration" in rule]
        assert expiring
        for rule in expiring:
            assert rule["Prefix"].startswith("lake/")
            assert not "lake/raw/".startswith(rule["Prefix"])
            assert not rule["Prefix"].startswith("lake/raw/")

    def test_pipes_messages_rejected_and_superseded_files_have_an_end(self, resources: dict) -> None:
        rules = {rule["Id"]: rule for rule in properties(resources, "LakeBucket")["LifecycleConfiguration"]["Rules"]}
        assert rules["pipes-messages"]["ExpirationInDays"] == 7
        assert rules["rejected"]["ExpirationInDays"] == 365
        assert rules["superseded-tables"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
        assert "ExpirationInDays" not in rules["superseded-tables"]

    def test_notifications_go_to_the_queue_that_redrives(self, resources: dict) -> None:
        wired = properties(resources, "LakeBucket")["NotificationConfiguration"]["QueueConfigurations"]
        prefixes = {one["Filter"]["S3Key"]["Rules"][0]["Value"]: one["Queue"] for one in wired}
        assert prefixes == {
            "lake/raw/": "<LakeEventsQueue.Arn>",
            "lake/landing/to_be_processed/": "<LakeEventsQueue.Arn>",
            "lake/tables/": EVERYTHING["SnowpipeQueueArn"],
        }
        queue = properties(resources, "LakeEventsQueue")
        assert queue["SqsManagedSseEnabled"] is True
        assert queue["RedrivePolicy"]["deadLetterTargetArn"] == "<LakeEventsDeadLetters.Arn>"

    def test_only_this_bucket_may_send_to_the_queue(self, resources: dict) -> None:
        (allowed,) = [s for s in statements(properties(resources, "LakeEventsQueuePolicy")) if s["Effect"] == "Allow"]
        assert allowed["Principal"] == {"Service": "s3.amazonaws.com"}
        assert allowed["Condition"]["ArnEquals"] == {"aws:SourceArn": f"arn:aws:s3:::{BUCKET}"}

    def test_the_glue_job_runs_the_script_below_the_lake_with_an_end(self, resources: dict) -> None:
        job = properties(resources, "GlueJob")
        assert job["Command"]["ScriptLocation"] == f"s3://{BUCKET}/lake/glue/unreleased/playlist_tables.py"
        arguments = job["DefaultArguments"]
        assert arguments["--extra-py-files"] == f"s3://{BUCKET}/lake/glue/unreleased/glue_scripts.zip"
        output_logs = properties(resources, "GlueOutputLogs")["LogGroupName"]
        assert f"{arguments['--custom-logGroup-prefix']}/output" == output_logs
        assert (job["GlueVersion"], job["Timeout"], job["MaxRetries"]) == ("5.0", 120, 0)

    def test_athena_stops_a_query_that_scans_too_much_and_encrypts_its_results(self, resources: dict) -> None:
        workgroup = properties(resources, "AthenaWorkgroup")["WorkGroupConfiguration"]
        assert workgroup["EnforceWorkGroupConfiguration"] is True
        assert workgroup["BytesScannedCutoffPerQuery"] == 10 * 2**30
        assert workgroup["ResultConfiguration"] == {
            "OutputLocation": f"s3://{BUCKET}/lake/athena-results/",
            "EncryptionConfiguration": {"EncryptionOption": "SSE_S3"},
        }

    def test_every_log_group_forgets(self, resources: dict) -> None:
        groups = [one for one in resources.values() if one["Type"] == "AWS::Logs::LogGroup"]
        assert [one["Properties"]["RetentionInDays"] for one in groups] == [30, 30, 30]

    def test_the_secret_never_passes_through_the_template(self, resources: dict) -> None:
        assert properties(resources, "SpotifySecret").keys() == {"Description"}

    def test_every_alarm_and_rule_reaches_the_topic(self, resources: dict) -> None:
        alarms = [one for one in resources.values() if one["Type"] == "AWS::CloudWatch::Alarm"]
        assert len(alarms) == 4
        assert all(alarm["Properties"]["AlarmActions"] == ["<Alerts>"] for alarm in alarms)
        assert properties(resources, "GlueJobFailures")["Targets"][0]["Arn"] == "<Alerts>"
        assert properties(resources, "ExtractionRetries")["DestinationConfig"]["OnFailure"]["Destination"] == "<Alerts>"
        (budget,) = properties(resources, "MonthlyBudget")["NotificationsWithSubscribers"]
        assert budget["Subscribers"] == [{"SubscriptionType": "SNS", "Address": "<Alerts>"}]

    def test_what_eventbridge_may_publish_has_no_condition_and_the_others_are_of_this_account(
        self, resources: dict
    ) -> None:
        """EventBridge's deliveries are dropped without a trace by a topic policy with a condition."""
        found = {
            service: statement.get("Condition")
            for statement in statements(properties(resources, "AlertsPolicy"))
            for service in as_list(statement["Principal"]["Service"])
        }
        assert found.pop("events.amazonaws.com") is None
        assert found.keys() == {"cloudwatch.amazonaws.com", "budgets.amazonaws.com"}
        assert all(condition == {"StringEquals": {"aws:SourceAccount": "123456789012"}} for condition in found.values())

    def test_nobody_is_called_before_the_first_extraction(self, resources: dict) -> None:
        missed = properties(resources, "ExtractionMissedAlarm")
        assert missed["TreatMissingData"] == "missing"
        assert missed["InsufficientDataActions"] == ["<Alerts>"]
        assert missed["Period"] * missed["EvaluationPeriods"] == 86400

    def test_the_lambda_reads_everything_anew_once_a_week(self, resources: dict) -> None:
        rule = properties(resources, "ExtractionRefreshRule")
        assert rule["ScheduleExpression"] == "cron(0 18 ? * SUN *)"
        assert json.loads(rule["Targets"][0]["Input"]) == {"refresh": True}
        assert "ReservedConcurrentExecutions" not in properties(resources, "ExtractionFunction")

    def test_outputs_that_feed_a_setting_are_named_like_it(self, template: dict) -> None:
        settings = {name.upper() for name in Settings.model_fields}
        for name, output in template["Outputs"].items():
            fed = re.match(r"[A-Z]+(_[A-Z]+)+", output["Description"])
            snake = re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper()
            if fed and fed[0] in settings and name != "SpotifySecretArn":
                assert snake == fed[0]
        fed = {"LakeUrl", "LakeEventsQueueUrl", "GlueJobName", "GlueDatabase", "AthenaWorkgroup", "AlertSnsTopicArn"}
        assert fed <= template["Outputs"].keys()


class TestPolicies:
    def test_no_permission_to_write_names_a_wildcard(self, resources: dict) -> None:
        walked = 0
        for name, resource in resources.items():
            for statement in statements(resource["Properties"]):
                if statement["Effect"] != "Allow" or "Resource" not in statement:
                    continue  # a trust policy names who, not what
                walked += 1
                writes = [one for one in as_list(statement["Action"]) if not READ_ONLY.fullmatch(one)]
                for target in as_list(statement["Resource"]) if writes else []:
                    assert_names_its_target(target, f"{name}: {statement.get('Sid')} may {writes} on {target}")
        assert walked >= 25

    def test_no_permission_at_all_names_every_resource_or_every_action(self, resources: dict) -> None:
        for name, resource in resources.items():
            for statement in statements(resource["Properties"]):
                if statement["Effect"] == "Allow":
                    assert "*" not in as_list(statement.get("Resource", "-")), name
                    assert not any("*" in action for action in as_list(statement["Action"])), name
                    assert "NotAction" not in statement
                    assert "NotResource" not in statement

    def test_nobody_is_trusted_without_a_condition_but_aws_services_and_the_named_agent(self, resources: dict) -> None:
        for name, resource in resources.items():
            for statement in statements(resource["Properties"].get("AssumeRolePolicyDocument", {})):
                assert statement["Principal"] != "*"
                assert name == "ExtractionRole" or statement["Condition"], name

    def test_a_pull_request_can_neither_change_the_job_nor_write_outside_its_branch(self, resources: dict) -> None:
        role = properties(resources, "BranchDeployRole")
        (trust,) = statements(role["AssumeRolePolicyDocument"])
        subject = trust["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"]
        assert subject == "repo:example/spotify-assets:pull_request"
        written = [s for s in statements(role["Policies"]) if "s3:PutObject" in as_list(s["Action"])]
        assert [s["Resource"] for s in written] == [f"arn:aws:s3:::{BUCKET}/lake/branch/*"]
        assert not any("glue:" in action for s in statements(role["Policies"]) for action in as_list(s["Action"]))

    def test_snowflake_can_only_read_and_only_tables(self, resources: dict) -> None:
        role = properties(resources, "SnowflakeRole")
        actions = {action for s in statements(role["Policies"]) for action in as_list(s["Action"])}
        assert actions == {"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:GetBucketLocation"}
        (trust,) = statements(role["AssumeRolePolicyDocument"])
        assert trust["Principal"] == {"AWS": SNOWFLAKE_USER}
        assert trust["Condition"] == {"StringEquals": {"sts:ExternalId": EVERYTHING["SnowflakeExternalId"]}}

    def test_a_hybrid_agents_tasks_are_trusted_as_ecs_tasks_or_as_a_service_account(self, resources: dict) -> None:
        (tasks,) = statements(properties(resources, "DagsterRole")["AssumeRolePolicyDocument"])
        assert tasks["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
        pods = json.loads(properties(resources, "DagsterServiceAccountRole")["AssumeRolePolicyDocument"])
        (trust,) = pods["Statement"]
        issuer = EVERYTHING["DagsterOidcProvider"]
        assert trust["Principal"] == {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{issuer}"}
        assert trust["Condition"]["StringEquals"][f"{issuer}:sub"] == "system:serviceaccount:dagster:dagster"

    def test_nobody_may_delete_a_raw_snapshot(self, resources: dict) -> None:
        for name, resource in resources.items():
            for statement in statements(resource["Properties"]):
                if statement["Effect"] == "Allow" and "s3:DeleteObject" in as_list(statement["Action"]):
                    for target in as_list(statement["Resource"]):
                        assert not fnmatch.fnmatchcase(f"arn:aws:s3:::{BUCKET}/lake/raw/x", target), name

    def test_the_walk_would_find_a_wildcard(self) -> None:
        for target in ("*", "arn:aws:s3:::*", "arn:aws:s3:::*/lake/*", "arn:aws:glue:eu-west-1:1:table/*"):
            with pytest.raises(AssertionError):
                assert_names_its_target(target, "")


def assert_names_its_target(target: str, message: str) -> None:
    """A `*` may only stand for what is inside a resource whose own name is spelled out."""
    if target.startswith("<"):
        return  # a resource of this stack
    name = target.split(":", 5)[5] if target.count(":") >= 5 else target
    spelled = name.partition("*")[0].rstrip("/")
    kind, _, rest = spelled.partition("/")
    named = bool(rest) if kind in ("table", "database", "job", "workgroup", "log-group") else bool(kind)
    assert named or name == "catalog", message


@dataclass(frozen=True)
class Deployed:
    """What one deployment left behind on the emulator."""

    status: str
    outputs: dict[str, str]
    ids: dict[str, str]


class TestOnTheEmulator:
    """Created, then updated twice: the trust handshake with everything switched on, then a new Lambda build."""

    @pytest.fixture(scope="class")
    def stages(self) -> Iterator[list[Deployed]]:
        with mock_aws(), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # moto warns of each resource type it does not know
            cloudformation = boto3.client("cloudformation", REGION)
            cloudformation.create_stack(**stack_arguments({}))
            stages = [deployed(cloudformation)]
            for key in ("first", "second"):
                upload_code(f"lake/lambda/{key}.zip")
                cloudformation.update_stack(
                    **stack_arguments({**EVERYTHING, "ExtractionCodeKey": f"lake/lambda/{key}.zip"})
                )
                stages.append(deployed(cloudformation))
            yield stages

    def test_it_is_created_and_updated_twice(self, stages: list[Deployed]) -> None:
        assert [stage.status for stage in stages] == ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_COMPLETE"]

    def test_nothing_that_holds_data_is_replaced_by_an_update(self, stages: list[Deployed]) -> None:
        for name in ("LakeBucket", "LakeEventsQueue", "LakeEventsDeadLetters", "GlueRole", "SnowflakeRole", "Alerts"):
            assert len({stage.ids[name] for stage in stages}) == 1, name

    def test_the_outputs_are_the_settings_values(self, stages: list[Deployed]) -> None:
        assert stages[0].outputs["LakeUrl"] == f"s3://{BUCKET}/lake"
        assert stages[0].outputs["LakeEventsQueueUrl"].startswith("https://sqs.eu-west-1.amazonaws.com/123456789012/")
        assert "DagsterUserName" in stages[0].outputs
        assert stages[1].outputs.keys() >= {"DagsterRoleArn", "DeployRoleArn", "BranchDeployRoleArn"}

    def test_the_bucket_is_encrypted(self, stages: list[Deployed]) -> None:
        found = boto3.client("s3", REGION).get_bucket_encryption(Bucket=stages[-1].ids["LakeBucket"])
        (rule,) = found["ServerSideEncryptionConfiguration"]["Rules"]
        assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"

    def test_the_queue_redrives_to_the_dead_letters(self, stages: list[Deployed]) -> None:
        sqs = boto3.client("sqs", REGION)
        queue = sqs.get_queue_attributes(QueueUrl=stages[-1].ids["LakeEventsQueue"], AttributeNames=["All"])
        redrive = json.loads(queue["Attributes"]["RedrivePolicy"])
        assert redrive["maxReceiveCount"] == 10
        assert redrive["deadLetterTargetArn"].rsplit(":", 1)[1] in stages[-1].ids["LakeEventsDeadLetters"]

    def test_before_the_handshake_nobody_outside_the_account_is_trusted(self, stages: list[Deployed]) -> None:
        # moto leaves a role's trust as it was created, so what the update makes of it is asserted on the template
        role = boto3.client("iam").get_role(RoleName=stages[0].ids["SnowflakeRole"])["Role"]
        (trust,) = statements(role["AssumeRolePolicyDocument"])
        assert trust["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}

    def test_every_policy_as_deployed_names_what_it_writes(self, stages: list[Deployed]) -> None:
        walked = 0
        for statement in deployed_statements():
            writes = [one for one in as_list(statement["Action"]) if not READ_ONLY.fullmatch(one)]
            for target in as_list(statement["Resource"]) if writes and statement["Effect"] == "Allow" else []:
                walked += 1
                assert_names_its_target(target, f"{writes} on {target}")
        assert walked > 15

    def test_the_lambda_is_the_newest_build_on_its_schedule(self, stages: list[Deployed]) -> None:
        function = boto3.client("lambda", REGION).get_function(FunctionName=stages[-1].ids["ExtractionFunction"])
        configuration = function["Configuration"]
        assert configuration["Handler"] == "spotify_assets.lambda_handler.handle"
        assert configuration["Environment"]["Variables"]["LAKE_URL"] == f"s3://{BUCKET}/lake"
        rule = boto3.client("events", REGION).describe_rule(Name=stages[-1].ids["ExtractionRule"])
        assert rule["ScheduleExpression"] == "cron(0 6 * * ? *)"


def stack_arguments(parameters: dict[str, str]) -> dict[str, Any]:
    return {
        "StackName": STACK,
        "TemplateBody": TEMPLATE.read_text(),
        "Capabilities": ["CAPABILITY_IAM"],
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Tags": [{"Key": "project", "Value": "spotify-assets"}],
    }


def deployed(cloudformation: Any) -> Deployed:
    stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
    found = cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
    return Deployed(
        stack["StackStatus"],
        {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]},
        {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found if "PhysicalResourceId" in one},
    )


def upload_code(key: str) -> None:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("spotify_assets/lambda_handler.py", f"# {key}\n")
    boto3.client("s3", REGION).put_object(Bucket=BUCKET, Key=key, Body=code.getvalue())


def deployed_statements() -> Iterator[dict[str, Any]]:
    """Every statement of every role's and every managed policy on the emulator."""
    iam = boto3.client("iam")
    for role in iam.list_roles()["Roles"]:
        for policy in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]:
            yield from statements(parsed(iam.get_role_policy(RoleName=role["RoleName"], PolicyName=policy)))
    for policy in iam.list_policies(Scope="Local")["Policies"]:
        version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
        yield from statements(version["PolicyVersion"]["Document"])


def parsed(policy: dict[str, Any]) -> Any:
    """An inline policy's document; moto gives its CloudFormation's as Python text, AWS a document."""
    document = policy["PolicyDocument"]
    return ast.literal_eval(document) if isinstance(document, str) else document
