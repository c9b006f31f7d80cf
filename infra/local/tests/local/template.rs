//! What this crate says in place of AWS, held against `template.yaml`: neither may change without the other.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use passerelle_local::{
    dynamo,
    gateway::{Function, ROUTES},
    schedule::{DUE, SWEEP},
    stack::{RECONCILE_TIMEOUT, UPSERT_TIMEOUT},
    stream::{PATTERN, StreamOptions},
};
use serde_json::{Value, json};

/// The template, with the intrinsic functions' tags taken off.
fn template() -> Value {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml")).unwrap();
    let template: serde_norway::Value = serde_norway::from_str(&text).unwrap();
    plain(template)
}

fn resources() -> Value {
    template()["Resources"].take()
}

fn plain(value: serde_norway::Value) -> Value {
    match value {
        serde_norway::Value::Tagged(tagged) => plain(tagged.value),
        serde_norway::Value::Mapping(members) => {
            let members = members.into_iter().map(|(name, value)| (name.as_str().unwrap().to_owned(), plain(value)));
            Value::Object(members.collect())
        }
        serde_norway::Value::Sequence(values) => values.into_iter().map(plain).collect(),
        other => serde_json::to_value(other).unwrap(),
    }
}

fn sorted(list: &Value) -> Vec<String> {
    let mut list: Vec<_> = list.as_array().unwrap().iter().map(Value::to_string).collect();
    list.sort();
    list
}

#[test]
fn every_function_runs_on_arm64_unless_told_otherwise() {
    let template = template();
    let parameter = &template["Parameters"]["Architecture"];
    assert_eq!((&parameter["Default"], &parameter["AllowedValues"]), (&json!("arm64"), &json!(["arm64", "x86_64"])));
    assert_eq!(template["Globals"]["Function"]["Architectures"], json!(["Architecture"]));
    let functions = template["Resources"].as_object().unwrap().values().filter(|resource| resource["Type"] == "AWS::Serverless::Function");
    let properties: Vec<&Value> = functions.map(|function| &function["Properties"]).collect();
    assert_eq!(properties.len(), 5);
    assert!(properties.iter().all(|properties| properties.get("Architectures").is_none()), "none has its own");
}

#[test]
fn the_table_is_the_same() {
    let resources = resources();
    let (ours, table) = (dynamo::definition(), &resources["Table"]["Properties"]);
    assert_eq!(ours["KeySchema"], table["KeySchema"]);
    assert_eq!(ours["BillingMode"], table["BillingMode"]);
    assert_eq!(sorted(&ours["AttributeDefinitions"]), sorted(&table["AttributeDefinitions"]));
    assert_eq!(sorted(&ours["GlobalSecondaryIndexes"]), sorted(&table["GlobalSecondaryIndexes"]));
    assert_eq!(ours["StreamSpecification"]["StreamViewType"], table["StreamSpecification"]["StreamViewType"]);
    assert_eq!(json!({ "AttributeName": dynamo::TTL_ATTRIBUTE, "Enabled": true }), table["TimeToLiveSpecification"]);
    assert_eq!(table.get("LocalSecondaryIndexes"), None);
}

#[test]
fn the_routes_are_the_same() {
    let name = |function| match function {
        Function::TriggerIntake => "TriggerIntake",
        Function::OauthCallback => "OauthCallback",
        Function::Console => "Console",
    };
    let ours: BTreeMap<_, _> =
        ROUTES.iter().map(|route| (route.key.to_owned(), format!("integrations/${{{}Integration}}", name(route.function)))).collect();
    let resources = resources();
    let routes = resources.as_object().unwrap().values().filter(|resource| resource["Type"] == "AWS::ApiGatewayV2::Route");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let theirs: BTreeMap<_, _> = routes.map(|route| (text(&route["Properties"]["RouteKey"]), text(&route["Properties"]["Target"]))).collect();
    assert_eq!(ours, theirs);
}

/// What operators' commands ask for deletes secrets, so nothing that the public reaches may lead to the function which does it: only somebody
/// with the right to invoke it calls it.
#[test]
fn nothing_public_leads_to_what_commands_ask() {
    let resources = resources();
    assert_eq!(template()["Outputs"]["OperatorFunction"]["Value"], "Reconcile");
    let all = || resources.as_object().unwrap().values();
    let of = |kind: &str, name: &str| -> BTreeSet<String> {
        all().filter(|resource| resource["Type"] == kind).map(|resource| resource["Properties"][name].as_str().unwrap().to_owned()).collect()
    };
    let public = ["Console", "OauthCallback", "TriggerIntake"];
    assert_eq!(of("AWS::ApiGatewayV2::Integration", "IntegrationUri"), public.map(|name| format!("{name}.Arn")).into());
    assert_eq!(of("AWS::Lambda::Permission", "FunctionName"), public.map(str::to_owned).into());
    assert!(all().all(|resource| resource["Type"] != "AWS::Lambda::Url" && resource["Properties"].get("FunctionUrlConfig").is_none()));
}

/// State and verifier of connecting go over it, so it is https; the deployed test's own machine is the one exception.
#[test]
fn the_public_address_is_https() {
    let pattern = template()["Parameters"]["PublicUrl"]["AllowedPattern"].as_str().unwrap().to_owned();
    let pattern = regex::Regex::new(&pattern).unwrap();
    for (url, passes) in [
        ("", true),
        ("https://passerelle.example.com", true),
        ("https://passerelle.example.com/base", true),
        ("https://passerelle.example.com/", false),
        ("http://passerelle.example.com", false),
        ("http://127.0.0.1:4566/_aws/execute-api/passerelle/$default", true),
        ("http://127.0.0.1.example.com", false),
        ("http://127.0.0.1:80@example.com", false),
        ("http://localhost", false),
        ("ftp://passerelle.example.com", false),
    ] {
        assert_eq!(pattern.is_match(url), passes, "{url}");
    }
}

/// The actions that the statements of a policy allow.
fn actions(document: &Value) -> BTreeSet<String> {
    let statements = document["Statement"].as_array().unwrap().iter();
    let of = |statement: &Value| match &statement["Action"] {
        Value::Array(actions) => actions.iter().map(|action| action.as_str().unwrap().to_owned()).collect(),
        action => vec![action.as_str().unwrap().to_owned()],
    };
    statements.flat_map(of).collect()
}

/// What each function may do at all, named here so that nobody widens it unseen. Which resources: the deployed test asks that.
#[test]
fn each_function_may_do_this_and_no_more() {
    let read = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"];
    let write = ["dynamodb:PutItem", "dynamodb:UpdateItem"];
    let logs = ["logs:CreateLogStream", "logs:PutLogEvents"];
    let open = ["kms:Decrypt", "kms:DescribeKey"];
    let seal = ["kms:Encrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*"];
    let salesforce = ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "kms:GenerateDataKey"];
    let stream = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams", "sqs:SendMessage"];
    let all = |parts: &[&[&str]]| -> BTreeSet<String> { parts.iter().copied().flatten().map(|action| (*action).to_owned()).collect() };
    let wanted = [
        ("OauthCallbackRole", all(&[&read, &write, &logs, &open, &seal, &salesforce, &["dynamodb:DeleteItem"]])),
        ("TriggerIntakeRole", all(&[&read, &write, &logs, &open, &seal, &["secretsmanager:GetSecretValue"]])),
        ("UpsertRole", all(&[&read, &write, &logs, &open, &seal, &salesforce, &stream])),
        ("ReconcileRole", all(&[&read, &write, &logs, &open, &seal, &salesforce, &["dynamodb:DeleteItem", "secretsmanager:DeleteSecret"]])),
        ("RunsRole", all(&[&["lambda:InvokeFunction"]])),
        ("ConsoleRole", all(&[&read, &logs, &open])),
    ];
    let resources = resources();
    let roles = resources.as_object().unwrap().values().filter(|resource| resource["Type"] == "AWS::IAM::Role").count();
    assert_eq!(roles, wanted.len());
    assert_eq!(
        actions(&resources["RunsMap"]["Properties"]["PolicyDocument"]),
        all(&[&["states:StartExecution", "states:DescribeExecution", "states:StopExecution"]])
    );
    let alerts = &resources["SendAlerts"]["Properties"];
    assert_eq!((actions(&alerts["PolicyDocument"]), &alerts["Roles"]), (all(&[&["ses:SendEmail"]]), &json!(["UpsertRole"])));
    // With a fixed egress Lambda itself asks for these; no other function is in the network.
    let interfaces = ["ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DeleteNetworkInterface"];
    assert_eq!(actions(&resources["UseNetwork"]["Properties"]["PolicyDocument"]), all(&[&interfaces]));
    for function in ["OauthCallback", "TriggerIntake", "Upsert", "Reconcile", "Console"] {
        let managed = &resources[format!("{function}Role")]["Properties"]["ManagedPolicyArns"];
        let may = managed.as_array().unwrap().contains(&json!(["HasFixedEgress", "UseNetwork", "AWS::NoValue"]));
        assert_eq!(may, resources[function]["Properties"].get("VpcConfig").is_some(), "{function}");
    }
    for (role, wanted) in wanted {
        let properties = &resources[role]["Properties"];
        let managed = properties["ManagedPolicyArns"].as_array().into_iter().flatten();
        let managed = managed.filter_map(Value::as_str).map(|name| &resources[name]["Properties"]["PolicyDocument"]);
        let own = properties["Policies"].as_array().into_iter().flatten().map(|policy| &policy["PolicyDocument"]);
        let found: BTreeSet<String> = managed.chain(own).flat_map(actions).collect();
        assert_eq!(found, wanted, "{role}");
    }
}

#[test]
fn the_stream_is_read_the_same_way() {
    let resources = resources();
    let mapping = &resources["Upsert"]["Properties"]["Events"]["NewEvents"]["Properties"];
    let pattern: Value = serde_json::from_str(mapping["FilterCriteria"]["Filters"][0]["Pattern"].as_str().unwrap()).unwrap();
    assert_eq!(pattern, serde_json::from_str::<Value>(PATTERN).unwrap());
    assert_eq!(mapping["FilterCriteria"]["Filters"].as_array().unwrap().len(), 1);
    let ours = StreamOptions::default();
    for (name, value) in [
        ("StartingPosition", json!("TRIM_HORIZON")),
        ("BatchSize", json!(ours.batch_size)),
        ("MaximumBatchingWindowInSeconds", json!(ours.window.as_secs())),
        ("FunctionResponseTypes", json!(["ReportBatchItemFailures"])),
        ("BisectBatchOnFunctionError", json!(true)),
        ("MaximumRetryAttempts", json!(ours.retries)),
        ("MaximumRecordAgeInSeconds", json!(ours.max_age.as_secs())),
    ] {
        assert_eq!(mapping[name], value, "{name}");
    }
    assert_eq!(mapping["DestinationConfig"]["OnFailure"], json!({"Type": "SQS", "Destination": "StreamFailures.Arn"}));
    assert_eq!(resources["StreamFailures"]["Type"], "AWS::SQS::Queue");
}

#[test]
fn the_schedules_are_the_same() {
    let resources = resources();
    let defaults = passerelle_local::StackOptions::default();
    for (function, timeout) in [("Upsert", UPSERT_TIMEOUT), ("Reconcile", RECONCILE_TIMEOUT)] {
        assert_eq!(resources[function]["Properties"]["Timeout"], timeout.as_secs(), "{function}");
    }
    for (resource, event, interval, (rate, seconds)) in
        [("Upsert", "Sweep", defaults.sweep_interval, ("rate(1 minute)", 60)), ("Runs", "Due", defaults.reconcile_interval, ("rate(5 minutes)", 300))]
    {
        let schedule = &resources[resource]["Properties"]["Events"][event]["Properties"];
        assert_eq!((schedule["ScheduleExpression"].as_str(), interval), (Some(rate), Some(Duration::from_secs(seconds))), "{resource}");
    }
    let sweep = resources["Upsert"]["Properties"]["Events"]["Sweep"]["Properties"]["Input"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(sweep).unwrap(), serde_json::from_str::<Value>(SWEEP).unwrap());
}

/// What the state machine sends is what reconcile understands, and what it hands on is what reconcile answers.
#[test]
fn the_state_machine_speaks_to_reconcile() {
    let file = resources()["Runs"]["Properties"]["DefinitionUri"].as_str().unwrap().to_owned();
    let text = std::fs::read_to_string(format!("{}/../../{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let machine: Value = serde_norway::from_str(&text).unwrap();
    let states = [&machine["States"], &machine["States"]["Each"]["ItemProcessor"]["States"]];
    let tasks: Vec<&Value> = states.iter().flat_map(|states| states.as_object().unwrap().values()).filter(|state| state["Type"] == "Task").collect();
    assert_eq!(tasks.len(), 2);
    for task in tasks {
        // As the machine fills it in: paths become what they lead to.
        let filled = task["Parameters"]["Payload"].to_string().replace(".$\":\"$.after\"", "\":null").replace(".$\":\"$.connection\"", "\":\"kayo\"");
        let call = serde_json::from_str::<passerelle_reconcile::Call>(&filled);
        assert!(call.is_ok(), "{filled}");
        assert!(task["TimeoutSeconds"].as_u64().unwrap() >= RECONCILE_TIMEOUT.as_secs() && task["Retry"].is_array(), "{task}");
    }
    assert!(serde_json::from_str::<passerelle_reconcile::Call>(DUE).is_ok());
    let each = &machine["States"]["Each"];
    assert_eq!((&each["ToleratedFailurePercentage"], &each["ItemProcessor"]["ProcessorConfig"]["Mode"]), (&json!(100), &json!("DISTRIBUTED")));
    assert!(each["MaxConcurrency"].as_u64().unwrap() > 0);
}
