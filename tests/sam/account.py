"""A pretended AWS account on this machine, and what CloudFormation makes of the template in it.

The account is ministack, which runs the functions' binaries as processes. Where it differs from AWS in a way
that shapes these tests:

- With AUTH=true every call is signed with the credentials of the function's role and judged by its policies.
  Keys of KMS are not consulted, so the KMS statements of the template are not proved here.
- A partial batch answer is ignored: a batch either passes whole or is repeated whole.
- `BisectBatchOnFunctionError`, `MaximumRetryAttempts` and the batching window of a stream do nothing.
- Functions call back to the address in AWS_ENDPOINT_URL, which must therefore stand in ministack's own
  environment.
- An event of the HTTP API keeps its cookies in the header `cookie` and has no list `cookies`.
- A schedule is looked at every ten seconds, so a minute may last seventy seconds.
- Alarms over expressions of several metrics are refused.
- An API is reached at `/_aws/execute-api/<api>/$default/<path>`. Its id can be chosen by the stack tag
  `ms-custom-id`, which is how the functions can be told their public address before it exists.
"""

import io
import json
import os
import sys
import zipfile

import boto3
from botocore.config import Config
from samtranslator.yaml_helper import yaml_parse

from processes import answers, free_port, wait_until

REGION = "eu-west-3"
ROOT = {
    "AWS_ACCESS_KEY_ID": "000000000000",
    "AWS_SECRET_ACCESS_KEY": "unused",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
}
API_ID = "passerelle"
CODE_BUCKET = "passerelle-code"


class Account:
    """The account: started, deployed into, asked."""

    def __init__(self, processes):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.public_url = f"{self.url}/_aws/execute-api/{API_ID}/$default"
        env = dict(os.environ, **ROOT, AUTH="true", BIND_HOST="127.0.0.1", GATEWAY_PORT=str(self.port),
                   MINISTACK_REGION=REGION, AWS_ENDPOINT_URL=self.url, LAMBDA_EXECUTOR="local")
        process = processes.start("ministack", [sys.executable, "-m", "ministack"], env)

        def ready():
            if process.poll() is not None:
                raise RuntimeError("ministack ended at once; its log says why.")
            return answers(f"{self.url}/_ministack/health")

        wait_until("ministack answers", ready, 60)

    def environment(self):
        """What a command needs to speak to this account as its owner."""
        return dict(os.environ, **ROOT, AWS_ENDPOINT_URL=self.url)

    def client(self, service, **credentials):
        keys = credentials or {"aws_access_key_id": ROOT["AWS_ACCESS_KEY_ID"],
                               "aws_secret_access_key": ROOT["AWS_SECRET_ACCESS_KEY"]}
        return boto3.client(service, region_name=REGION, endpoint_url=self.url,
                            config=Config(retries={"max_attempts": 2}), **keys)

    def deploy(self, stack, template, bootstraps, parameters):
        """Does what `sam deploy` does after `sam build`: uploads the code, then creates the stack."""
        document = yaml_parse(template.read_text())
        storage = self.client("s3")
        storage.create_bucket(Bucket=CODE_BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        for resource in document["Resources"].values():
            if resource["Type"] == "AWS::Serverless::Function":
                code = resource["Properties"]["CodeUri"]
                key = f"{code}.zip"
                storage.put_object(Bucket=CODE_BUCKET, Key=key, Body=packed(bootstraps[code]))
                resource["Properties"]["CodeUri"] = {"Bucket": CODE_BUCKET, "Key": key}
            if resource["Type"] == "AWS::Serverless::StateMachine":
                # `sam deploy` uploads the file; its content may as well stand in the template.
                definition = template.parent / resource["Properties"].pop("DefinitionUri")
                resource["Properties"]["Definition"] = yaml_parse(definition.read_text())
        # This account does not tell conditions who the sender of a mail is, and would forbid all.
        for statement in document["Resources"]["SendAlerts"]["Properties"]["PolicyDocument"]["Statement"]:
            statement.pop("Condition")
        formation = self.client("cloudformation")
        formation.create_stack(
            StackName=stack,
            TemplateBody=json.dumps(document),
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
            Tags=[{"Key": "ms-custom-id", "Value": API_ID}],
        )

        def settled():
            answer = formation.describe_stacks(StackName=stack)["Stacks"][0]
            return None if answer["StackStatus"].endswith("_IN_PROGRESS") else answer

        answer = wait_until("the stack settles", settled, 120)
        if answer["StackStatus"] != "CREATE_COMPLETE":
            events = formation.describe_stack_events(StackName=stack)["StackEvents"]
            failed = [f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason', 'no reason given')}"
                      for e in events if e["ResourceStatus"].endswith("FAILED")]
            raise RuntimeError("The stack was not created. " + " ".join(failed))
        return {o["OutputKey"]: o["OutputValue"] for o in answer["Outputs"]}

    def physical(self, stack, logical):
        found = self.client("cloudformation").describe_stack_resource(
            StackName=stack, LogicalResourceId=logical)
        return found["StackResourceDetail"]["PhysicalResourceId"]


def packed(bootstrap):
    """A function's package: its binary, named `bootstrap` and executable."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        package.writestr(entry, bootstrap.read_bytes())
    return content.getvalue()
