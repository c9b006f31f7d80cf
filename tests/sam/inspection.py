"""What can be said of the stack without sending anybody through it: routes, permissions, and what is left behind."""

from account import API_ID, REGION

ROUTES = {
    "GET /": "Console",
    "ANY /v1/{proxy+}": "Console",
    "GET /oauth/{connection}/connect": "OauthCallback",
    "POST /oauth/{connection}/start": "OauthCallback",
    "GET /oauth/{connection}/callback": "OauthCallback",
    "POST /v1/hooks/{source}": "TriggerIntake",
    "GET /v1/hooks/{source}/events/{event}": "TriggerIntake",
    "GET /v1/hooks/{source}/people": "TriggerIntake",
    "GET /v1/hooks/{source}/people/{person}": "TriggerIntake",
    "PUT /v1/hooks/{source}/people/{person}": "TriggerIntake",
}

WRITERS = ["OauthCallback", "Upsert", "Reconcile"]
ALL = [*WRITERS, "TriggerIntake", "Console"]


def routes(checks, account):
    api = account.client("apigatewayv2")
    integrations = {i["IntegrationId"]: i["IntegrationUri"] for i in api.get_integrations(ApiId=API_ID)["Items"]}
    found = {r["RouteKey"]: integrations[r["Target"].removeprefix("integrations/")]
             for r in api.get_routes(ApiId=API_ID)["Items"]}
    checks.check("the API has these routes and no other", set(found) == set(ROUTES), sorted(found))
    for route, function in ROUTES.items():
        checks.check(f"{route} leads to {function}", f"-{function}-" in found.get(route, ""), found.get(route))


def rules(table, prefix):
    """Who may do what: action, resource, and the functions that may. All others may not."""
    secret = f"arn:aws:secretsmanager:{REGION}:000000000000:secret:{prefix}/kayo"
    elsewhere = f"arn:aws:secretsmanager:{REGION}:000000000000:secret:passerelle/another/kayo"
    return [
        ("dynamodb:GetItem", table, ALL),
        ("dynamodb:Query", f"{table}/index/due", [*WRITERS, "Console"]),
        ("dynamodb:Query", f"{table}/index/people", ALL),
        ("dynamodb:PutItem", table, [*WRITERS, "TriggerIntake"]),
        ("dynamodb:UpdateItem", table, [*WRITERS, "TriggerIntake"]),
        ("dynamodb:DeleteItem", table, ["OauthCallback", "Reconcile"]),
        ("dynamodb:BatchWriteItem", table, []),
        ("dynamodb:Scan", table, []),
        ("dynamodb:DeleteTable", table, []),
        ("dynamodb:GetItem", f"{table}-of-another", []),
        ("secretsmanager:GetSecretValue", f"{secret}/webhook-AbCdEf", ["TriggerIntake", "Upsert"]),
        ("secretsmanager:PutSecretValue", f"{secret}/webhook-AbCdEf", []),
        ("secretsmanager:GetSecretValue", f"{secret}/salesforce-AbCdEf", WRITERS),
        ("secretsmanager:PutSecretValue", f"{secret}/salesforce-AbCdEf", WRITERS),
        ("secretsmanager:GetSecretValue", f"{secret}/platform-AbCdEf", ["Reconcile", "Upsert"]),
        ("secretsmanager:PutSecretValue", f"{secret}/platform-AbCdEf", []),
        ("secretsmanager:DescribeSecret", f"{secret}/salesforce-AbCdEf", []),
        ("secretsmanager:DeleteSecret", f"{secret}/salesforce-AbCdEf", ["Reconcile"]),
        ("secretsmanager:DeleteSecret", f"{secret}/webhook-AbCdEf", []),
        ("secretsmanager:DeleteSecret", f"{secret}/platform-AbCdEf", []),
        ("secretsmanager:CreateSecret", f"{secret}/salesforce-AbCdEf", []),
        ("ses:SendEmail", "*", ["Upsert"]),
        ("ec2:CreateNetworkInterface", "*", []),
        ("secretsmanager:GetSecretValue", f"{elsewhere}/salesforce-AbCdEf", []),
        ("secretsmanager:GetSecretValue", f"{elsewhere}/webhook-AbCdEf", []),
    ]


def policies(checks, account, stack, outputs):
    iam = account.client("iam")
    table = f"arn:aws:dynamodb:{REGION}:000000000000:table/{outputs['TableName']}"
    roles = {function: iam.get_role(RoleName=account.physical(stack, f"{function}Role"))["Role"]["Arn"]
             for function in ALL}
    for action, resource, wanted in rules(table, outputs["SecretPrefix"]):
        found = []
        for function, role in roles.items():
            answer = iam.simulate_principal_policy(PolicySourceArn=role, ActionNames=[action], ResourceArns=[resource])
            if answer["EvaluationResults"][0]["EvalDecision"] == "allowed":
                found.append(function)
        who = ", ".join(wanted) or "nobody"
        checks.check(f"{action} on {resource.split(':', 5)[-1]}: {who}", sorted(found) == sorted(wanted), found)


def schedule(account, target):
    """The schedule that calls a function or starts a state machine."""
    scheduler = account.client("scheduler")
    names = [s["Name"] for page in scheduler.get_paginator("list_schedules").paginate() for s in page["Schedules"]]
    schedules = [scheduler.get_schedule(Name=name) for name in names]
    return next(s for s in schedules if s["Target"]["Arn"].rsplit(":", 1)[1] == target.rsplit(":", 1)[-1])


def mapping(account, stack):
    """The id of the event source mapping from the table's stream."""
    found = account.client("lambda").list_event_source_mappings(FunctionName=account.physical(stack, "Upsert"))
    return found["EventSourceMappings"][0]["UUID"]


def aftermath(checks, account, stack, log_dir):
    """What an operator would be alarmed by after the run. The functions' logs are kept in the directory."""
    checks.step("What the run left behind")
    queue = account.physical(stack, "StreamFailures")
    attributes = account.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"])
    waiting = attributes["Attributes"]["ApproximateNumberOfMessages"]
    checks.check("no batch of the stream failed for good", waiting == "0", waiting)
    logs = account.client("logs")
    for group in logs.describe_log_groups(logGroupNamePrefix=f"/passerelle/{stack}/")["logGroups"]:
        name = group["logGroupName"]
        lines = [e["message"] for page in logs.get_paginator("filter_log_events").paginate(logGroupName=name)
                 for e in page["events"]]
        function = name.rsplit("/", 1)[1]
        (log_dir / f"{function}.log").write_text("".join(line.rstrip("\n") + "\n" for line in lines))
        refused = [line for line in lines if "AccessDenied" in line or "not authorized" in line]
        checks.check(f"{function} asked for nothing that its role forbids", not refused, refused[:3])
        broken = [line for line in lines if "panicked at" in line or "Task timed out" in line]
        checks.check(f"{function} neither panicked nor ran out of time", not broken, broken[:3])
