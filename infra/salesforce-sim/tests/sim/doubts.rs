//! Open questions: each setting both ways, and where settings come from.

use jiff::SignedDuration;
use salesforce_sim::seed::CustomField;
use salesforce_sim::{Doubts, Seed};
use serde_json::{Value, json};

use crate::common::*;
use crate::oauth::{change, code, exchange};
use crate::refresh::{first_refresh_token, refresh};

/// An org whose settings differ from the default in these.
pub fn with(settings: Value) -> World {
    let mut all = json!(Doubts::default());
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let mut seed = seed();
    let key = seed.custom_fields[0].clone();
    seed.custom_fields.push(CustomField { sobject: "Account".to_owned(), ..key });
    world_with(seed, serde_json::from_value(all).unwrap())
}

#[tokio::test]
async fn settings_come_from_the_seed_and_from_control_calls() {
    let text = "users: [{username: admin@org.example}]\ndoubts: {pkce_mismatch: invalid_grant}";
    let seed: Seed = serde_norway::from_str(text).unwrap();
    assert_eq!(seed.doubts.pkce_mismatch, salesforce_sim::doubts::PkceMismatch::InvalidGrant);
    assert!(serde_norway::from_str::<Seed>("doubts: {pkce: x}").is_err());
    let world = world_with(seed.clone(), seed.doubts);
    let all = world.control("PATCH", "doubts", json!({"index_lag_seconds": 7})).await.json();
    assert_eq!((&all["pkce_mismatch"], &all["index_lag_seconds"]), (&json!("invalid_grant"), &json!(7)));
    for wrong in [json!({"index_lag": 7}), json!({"repeated_ids": "perhaps"})] {
        assert_eq!(world.control("PATCH", "doubts", wrong.clone()).await.status, 400, "{wrong}");
    }
    assert_eq!(world.control("GET", "doubts", Value::Null).await.json(), all);
    world.control("POST", "reset", Value::Null).await;
    assert_eq!(world.control("GET", "doubts", Value::Null).await.json()["index_lag_seconds"], 0);
}

#[tokio::test]
async fn a_wrong_verifier_has_either_code() {
    for (setting, want) in [("invalid_request", "invalid_request"), ("invalid_grant", "invalid_grant")] {
        let world = with(json!({"pkce_mismatch": setting}));
        let code = code(&world, &[]).await;
        let pairs = change(exchange(&code), "code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXX");
        let answer = world.token(&pairs).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, want));
    }
}

#[tokio::test]
async fn an_inactive_user_has_either_code() {
    for (setting, want) in [("inactive_user", "inactive_user"), ("invalid_grant", "invalid_grant")] {
        let world = with(json!({"inactive_user": setting}));
        let token = first_refresh_token(&world, "plain").await;
        world.control("POST", "users/admin@org.example/deactivate", Value::Null).await;
        let answer = world.token(&refresh("plain", "plain-secret", &token)).await;
        assert_eq!(answer.json(), json!({"error": want, "error_description": "inactive user"}));
    }
}

#[tokio::test]
async fn client_credentials_on_the_login_host_work_or_do_not() {
    for (setting, status) in [(false, 400), (true, 200)] {
        let world = with(json!({"credentials_on_login_host": setting}));
        let pairs = [("grant_type", "client_credentials"), ("client_id", "server"), ("client_secret", "server-secret")];
        assert_eq!(world.token(&pairs).await.status, status);
    }
}

#[tokio::test]
async fn a_missing_header_has_any_of_three_codes() {
    let wanted = [
        ("invalid_auth_header", "INVALID_AUTH_HEADER"),
        ("invalid_header_type", "INVALID_HEADER_TYPE"),
        ("invalid_session_id", "INVALID_SESSION_ID"),
    ];
    for (setting, want) in wanted {
        let world = with(json!({"missing_authorization": setting}));
        let answer = world.get(&format!("{INSTANCE}/services/data/v66.0/limits")).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, want));
    }
}

#[tokio::test]
async fn refusals_of_identity_name_their_cause_or_the_token() {
    for (setting, texts) in [("own", ["Missing_OAuth_Token", "Wrong_Org", "Bad_Id"]), ("bad_oauth_token", ["Bad_OAuth_Token"; 3])] {
        let world = with(json!({"identity_refusals": setting}));
        let token = world.client().token;
        let organization = world.sim.with_org(|org| org.organization_id());
        let paths = [
            "/services/oauth2/userinfo".to_owned(),
            format!("/id/00D000000000999EAA/005000000000999EAA?oauth_token={}", encode(&token)),
            format!("/id/{organization}/005000000000999EAA?oauth_token={}", encode(&token)),
        ];
        for (path, want) in paths.iter().zip(texts) {
            let answer = world.get(&format!("{LOGIN}{path}")).await;
            assert_eq!((answer.status, answer.text.as_str()), (403, want), "{path}");
        }
        let bad = world.get(&format!("{LOGIN}/services/oauth2/userinfo?oauth_token=x")).await;
        assert_eq!((bad.status, bad.text.as_str()), (403, "Bad_OAuth_Token"), "which was recorded");
    }
}

#[tokio::test]
async fn revoking_what_is_no_token_has_either_code() {
    for setting in ["invalid_token", "unsupported_token_type"] {
        let world = with(json!({"unknown_token_revoked": setting}));
        let answer = world.post_form(&format!("{LOGIN}/services/oauth2/revoke"), "", &[("token", "x")]).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, setting));
    }
}

#[tokio::test]
async fn a_page_that_is_lost_has_either_status() {
    for (setting, status) in [("bad_request", 400), ("not_found", 404)] {
        let world = with(json!({"lost_cursor": setting}));
        let answer = world.client().get("/query/01gXXXX-2000").await;
        assert_eq!((answer.status, answer.code().as_str()), (status, "INVALID_QUERY_LOCATOR"));
    }
}

#[tokio::test]
async fn a_reference_to_the_wrong_object_has_either_code() {
    for (setting, want) in [("malformed_id", "MALFORMED_ID"), ("field_integrity_exception", "FIELD_INTEGRITY_EXCEPTION")] {
        let world = with(json!({"mistyped_reference": setting}));
        let lead = world.client().lead("A").await;
        let answer = world.client().post("/sobjects/Contact", json!({"LastName": "A", "AccountId": lead})).await;
        assert_eq!((answer.status, answer.code().as_str(), &answer.json()[0]["fields"]), (400, want, &json!(["AccountId"])));
    }
}

#[tokio::test]
async fn an_event_without_times_has_either_code() {
    for (setting, want) in [("required_field_missing", "REQUIRED_FIELD_MISSING"), ("field_integrity_exception", "FIELD_INTEGRITY_EXCEPTION")] {
        let world = with(json!({"event_without_times": setting}));
        let answer = world.client().post("/sobjects/Event", json!({"Subject": "x"})).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, want));
    }
}

#[tokio::test]
async fn records_named_twice_in_an_update() {
    for (setting, errors, title) in
        [("refuse_later", [false, true], json!("first")), ("refuse_all", [true, true], Value::Null), ("apply", [false, false], json!("second"))]
    {
        let world = with(json!({"repeated_ids": setting}));
        let client = world.client();
        let id = client.lead("A").await;
        let record = |title: &str| json!({"attributes": {"type": "Lead"}, "id": id, "Title": title});
        let items = client.patch("/composite/sobjects", json!({"records": [record("first"), record("second")]})).await.json();
        let failed = |n: usize| items[n]["errors"][0]["statusCode"] == "DUPLICATE_VALUE";
        assert_eq!([failed(0), failed(1)], errors, "{setting}: {items}");
        assert_eq!(client.query("SELECT Title FROM Lead").await[0]["Title"], title, "{setting}");
    }
}

#[tokio::test]
async fn setup_objects_and_others_do_not_go_in_one_collection() {
    for (setting, whole) in [("refuse_call", true), ("refuse_second_kind", false)] {
        let world = with(json!({"mixed_setup_objects": setting}));
        let client = world.client();
        let set = client.post("/sobjects/PermissionSet", json!({"Name": "Set", "Label": "Set"})).await.json()["id"].clone();
        let record = |object: &str, fields: Value| {
            let mut record = json!({"attributes": {"type": object}});
            record.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            record
        };
        let account = client.post("/sobjects/Account", json!({"Name": "Old"})).await.json()["id"].clone();
        let (set_text, account_text) = (set.as_str().unwrap(), account.as_str().unwrap());
        let calls = [
            (
                "POST",
                "/composite/sobjects".to_owned(),
                json!({"records": [record("Account", json!({"Name": "New"})), record("PermissionSet", json!({"Name": "Other", "Label": "Other"}))]}),
            ),
            (
                "PATCH",
                "/composite/sobjects".to_owned(),
                json!({"records": [record("Account", json!({"id": account, "Name": "Newer"})), record("PermissionSet", json!({"id": set, "Label": "X"}))]}),
            ),
            ("DELETE", format!("/composite/sobjects?ids={account_text},{set_text}"), Value::Null),
        ];
        for (method, path, body) in calls {
            let answer = client.send(method, &path, body).await;
            if whole {
                assert_eq!((answer.status, answer.code().as_str()), (400, "MIXED_DML_OPERATION"), "{method}: {}", answer.text);
            } else {
                let items = answer.json();
                assert_eq!(
                    (&items[0]["success"], &items[1]["errors"][0]["statusCode"]),
                    (&json!(true), &json!("MIXED_DML_OPERATION")),
                    "{method}: {items}"
                );
            }
        }
        let names: Vec<Value> = client.query("SELECT Name FROM Account ORDER BY Name").await.iter().map(|row| row["Name"].clone()).collect();
        assert_eq!(names, if whole { vec!["Old"] } else { vec!["New"] });
        assert_eq!(client.query("SELECT Label FROM PermissionSet WHERE Name IN ('Set', 'Other')").await.len(), 1);
        // Each kind by itself goes through.
        let alone = client.post("/composite/sobjects", json!({"records": [record("PermissionSet", json!({"Name": "A1", "Label": "A"})), record("PermissionSet", json!({"Name": "A2", "Label": "B"}))]})).await.json();
        assert!(alone[0]["success"] == true && alone[1]["success"] == true, "{alone}");
    }
}

#[tokio::test]
async fn conditions_inside_composite_requests_are_heeded_or_not() {
    for (setting, status, title) in [(false, 204, "new"), (true, 412, "old")] {
        let world = with(json!({"conditions_in_sub_requests": setting}));
        let client = world.client();
        let id = client.lead("A").await;
        client.patch(&format!("/sobjects/Lead/{id}"), json!({"Title": "old"})).await;
        let sub = json!({"method": "PATCH", "url": format!("/services/data/v66.0/sobjects/Lead/{id}"), "referenceId": "r", "body": {"Title": "new"},
                         "httpHeaders": {"If-Unmodified-Since": "Mon, 23 Nov 2026 07:00:00 GMT"}});
        let answer = client.post("/composite", json!({"compositeRequest": [sub]})).await.json();
        assert_eq!(answer["compositeResponse"][0]["httpStatusCode"], status);
        assert_eq!(client.query("SELECT Title FROM Lead").await[0]["Title"], title);
        // On a request of its own there is no doubt.
        let alone = world.client().with("if-unmodified-since", "Mon, 23 Nov 2026 07:00:00 GMT");
        assert_eq!(alone.patch(&format!("/sobjects/Lead/{id}"), json!({"Title": "x"})).await.status, 412);
    }
}

#[tokio::test]
async fn collation_pulls_writes_of_a_kind_together_or_leaves_the_order() {
    for (setting, seen) in [(true, ""), (false, "A")] {
        let world = with(json!({"collation_reorders": setting}));
        // The second contact is written either before the account, or after it and then finds it by its key.
        let post = |sobject: &str, reference: &str, body: Value| json!({"method": "POST", "url": format!("/services/data/v66.0/sobjects/{sobject}"), "referenceId": reference, "body": body});
        let key = json!({"Ext__c": "k", "Name": "A"});
        let list = json!([
            post("Contact", "c1", json!({"LastName": "1"})),
            post("Account", "a", key),
            post("Contact", "c2", json!({"LastName": "2", "Account": {"Ext__c": "k"}})),
        ]);
        let client = world.client();
        client.post("/composite", json!({"compositeRequest": list, "collateSubrequests": true})).await;
        let found = client.query("SELECT Account.Name FROM Contact WHERE LastName = '2'").await;
        let name = found.first().map(|row| row["Account"]["Name"].as_str().unwrap().to_owned()).unwrap_or_default();
        assert_eq!(name, seen, "{setting}");
    }
}

#[tokio::test]
async fn a_reference_to_nobody_has_either_code() {
    let wanted =
        [("invalid_cross_reference_key", "INVALID_CROSS_REFERENCE_KEY"), ("insufficient_access", "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY")];
    for (setting, want) in wanted {
        let world = with(json!({"absent_reference": setting}));
        let answer = world.client().post("/sobjects/Contact", json!({"LastName": "A", "AccountId": "001000000000000AAA"})).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, want));
    }
}

#[tokio::test]
async fn an_activity_about_a_lead_has_a_second_subject_or_not() {
    for (setting, status) in [(true, 400), (false, 201)] {
        let world = with(json!({"lead_excludes_what": setting}));
        let client = world.client();
        let lead = client.lead("A").await;
        let account = client.post("/sobjects/Account", json!({"Name": "A"})).await.json()["id"].clone();
        assert_eq!(client.post("/sobjects/Task", json!({"Subject": "x", "WhoId": lead, "WhatId": account})).await.status, status);
    }
}

#[tokio::test]
async fn a_person_of_an_activity_can_be_named_by_its_key_or_not() {
    for (setting, status) in [(false, 400), (true, 201)] {
        let world = with(json!({"polymorphic_parents_by_key": setting}));
        let client = world.client();
        let lead = client.patch("/sobjects/Lead/Ext__c/k", json!({"LastName": "A", "Company": "B"})).await.json()["id"].clone();
        let body = json!({"Subject": "x", "Who": {"attributes": {"type": "Lead"}, "Ext__c": "k"}});
        let answer = client.post("/sobjects/Task", body).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        let tasks = client.query("SELECT WhoId FROM Task").await;
        assert_eq!(tasks.first().map(|task| task["WhoId"].clone()), setting.then_some(lead));
        assert_eq!(client.post("/sobjects/Task", json!({"Subject": "x", "Who": {"Ext__c": "k"}})).await.status, 400, "of which object?");
    }
}

#[tokio::test]
async fn messages_quote_ids_short_or_long() {
    for (setting, length) in [("short", 15), ("long", 18)] {
        let world = with(json!({"ids_in_messages": setting}));
        let client = world.client();
        let lead = json!({"LastName": "A", "Company": "B", "Ext__c": "k"});
        let first = client.post("/sobjects/Lead", lead.clone()).await.json()["id"].as_str().unwrap().to_owned();
        let again = client.post("/sobjects/Lead", lead).await.json();
        let quoted = again[0]["message"].as_str().unwrap().rsplit(' ').next().unwrap().to_owned();
        assert_eq!(quoted, first[..length]);
    }
}

#[tokio::test]
async fn the_result_of_a_duplicate_rule_is_spelt_either_way() {
    for (setting, key) in [(false, "duplicateResut"), (true, "duplicateResult")] {
        let world = with(json!({"duplicate_result_spelt_right": setting}));
        let rule = json!({"name": "Same", "sobject": "Contact", "match_fields": ["LastName"], "action": "block"});
        world.control("POST", "rules", json!({"duplicate_rules": [rule]})).await;
        let client = world.client();
        client.post("/sobjects/Contact", json!({"LastName": "A"})).await;
        let held = client.post("/sobjects/Contact", json!({"LastName": "A"})).await.json();
        assert_eq!(held[0][key]["duplicateRule"], "Same");
    }
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused_with_its_name_or_without() {
    for (setting, want) in
        [("named", "Content-Type header specified in HTTP request is not supported: text/plain"), ("bare", "UNSUPPORTED_MEDIA_TYPE")]
    {
        let world = with(json!({"refused_media_type": setting}));
        let client = world.client();
        let mut request = client.request("POST", "/sobjects/Lead", &json!({}));
        request.headers_mut().insert("content-type", "text/plain".parse().unwrap());
        let answer = world.send(request).await;
        assert_eq!((answer.status, answer.json()), (415, json!([{"errorCode": "UNSUPPORTED_MEDIA_TYPE", "message": want}])));
    }
}

#[tokio::test]
async fn too_many_queries_are_refused_by_one_element_or_by_errors() {
    for (setting, place) in [("element", "/compositeResponse/0/body/0/errorCode"), ("errors", "/0/errorCode")] {
        let world = with(json!({"too_many_queries": setting}));
        let sub = |n: usize| json!({"method": "GET", "url": "/services/data/v66.0/query?q=SELECT+Id+FROM+Lead", "referenceId": format!("r{n}")});
        let of = |count: usize| json!({"compositeRequest": (0..count).map(sub).collect::<Vec<_>>()});
        let answer = world.client().post("/composite", of(6)).await;
        assert_eq!((answer.status, answer.json().pointer(place)), (400, Some(&json!("LIMIT_EXCEEDED"))), "{setting}: {}", answer.text);
        assert_eq!(world.client().post("/composite", of(5)).await.status, 200);
    }
}

#[tokio::test]
async fn a_member_that_is_nobody_has_either_code() {
    for (setting, want) in [("required_field_missing", "REQUIRED_FIELD_MISSING"), ("field_integrity_exception", "FIELD_INTEGRITY_EXCEPTION")] {
        let world = with(json!({"member_without_person": setting}));
        let campaign = world.client().post("/sobjects/Campaign", json!({"Name": "Fair"})).await.json()["id"].clone();
        let answer = world.client().post("/sobjects/CampaignMember", json!({"CampaignId": campaign})).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, want));
    }
}

#[tokio::test]
async fn a_version_that_is_not_there_yet_is_404_as_json_or_as_a_page() {
    for (setting, kind) in [("not_found", "application/json;charset=UTF-8"), ("page", "text/html; charset=UTF-8")] {
        let world = with(json!({"unknown_version": setting}));
        let answer = world.client().get("/services/data/v99.0/limits").await;
        assert_eq!((answer.status, answer.header("content-type")), (404, kind));
        assert_eq!(world.client().get("/services/data/v30.0/limits").await.code(), "GONE", "of which there is no doubt");
        assert_eq!(world.client().get("/nope").await.code(), "NOT_FOUND", "nor of a resource");
    }
}

#[tokio::test]
async fn a_refused_assertion_says_why_or_does_not() {
    const ASSERTION: &str = include_str!("../../src/oauth/testdata/assertion.txt");
    for (setting, want) in [("own", "expired assertion"), ("invalid_assertion", "invalid assertion")] {
        let world = with(json!({"refused_assertion": setting}));
        let key = include_str!("../../src/oauth/testdata/public_key.pem");
        world.control("PATCH", "apps/server", json!({"certificate_pem": key, "client_id": "a"})).await;
        world.clock.advance(SignedDuration::from_hours(24 * 365));
        let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
        let answer = world.token(&[("grant_type", grant), ("assertion", ASSERTION.trim())]).await;
        assert_eq!((answer.status, answer.json()), (400, json!({"error": "invalid_grant", "error_description": want})), "{setting}");
    }
}

#[tokio::test]
async fn a_new_custom_field_is_answered_with_all_lists_or_with_one() {
    for (setting, keys) in [("full", vec!["errors", "id", "infos", "success", "warnings"]), ("plain", vec!["errors", "id", "success"])] {
        let world = with(json!({"new_custom_field": setting}));
        let field = json!({"FullName": "Lead.X__c", "Metadata": {"label": "X", "type": "Text", "length": 5}});
        let answer = world.client().post("/tooling/sobjects/CustomField", field).await;
        assert_eq!(
            (answer.status, answer.json().as_object().unwrap().keys().cloned().collect::<Vec<_>>()),
            (201, keys.iter().map(|key| (*key).to_owned()).collect())
        );
    }
}

#[tokio::test]
async fn a_record_just_made_is_found_by_queries_at_once_or_after_a_while() {
    let world = with(json!({"index_lag_seconds": 30}));
    let client = world.client();
    let path = "/sobjects/Lead/Ext__c/k";
    let body = || json!({"LastName": "A", "Company": "B"});
    assert_eq!(client.patch(path, body()).await.status, 201);
    let window = "start=2026-11-23T07:30:00Z&end=2026-11-23T08:05:00Z";
    world.clock.advance(SignedDuration::from_secs(29));
    assert!(client.query("SELECT Id FROM Lead").await.is_empty());
    let covered = client.get(&format!("/sobjects/Lead/updated?{window}")).await.json();
    assert_eq!(covered, json!({"ids": [], "latestDateCovered": "2026-11-23T07:59:00.000+0000"}));
    // What needs no index does not wait.
    assert_eq!(client.patch(path, body()).await.json()["created"], false);
    assert_eq!(client.get(path).await.status, 200);
    world.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(client.query("SELECT Id FROM Lead").await.len(), 1);
    let world = with(json!({}));
    let client = world.client();
    client.lead("A").await;
    assert_eq!(client.query("SELECT Id FROM Lead").await.len(), 1);
}
