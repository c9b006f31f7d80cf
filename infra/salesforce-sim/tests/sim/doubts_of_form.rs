//! Open questions about statuses, codes and the form of answers: each setting both ways.

use serde_json::json;

use crate::common::*;
use crate::doubts::with;
use crate::oauth::{change, code, exchange};
use crate::refresh::{first_refresh_token, refresh};

#[tokio::test]
async fn a_write_without_the_right_to_it_has_either_status() {
    for (setting, status) in [("bad_request", 400), ("forbidden", 403)] {
        let world = with(json!({"refused_right": setting}));
        let lead = world.client().lead("A").await;
        world.control("PATCH", "users/integration@org.example", json!({"permissions": {"modify_all_data": false, "marketing_user": false}})).await;
        let other = world.client_of("integration@org.example");
        for answer in [
            other.patch(&format!("/sobjects/Lead/{lead}"), json!({"Title": "x"})).await,
            other.post("/sobjects/Campaign", json!({"Name": "C"})).await,
        ] {
            assert_eq!((answer.status, answer.code().as_str()), (status, "INSUFFICIENT_ACCESS_OR_READONLY"), "{setting}");
        }
    }
}

#[tokio::test]
async fn a_wrong_secret_has_either_status() {
    for (setting, status) in [("bad_request", 400), ("unauthorized", 401)] {
        let world = with(json!({"wrong_secret": setting}));
        let token = first_refresh_token(&world, "plain").await;
        let answer = world.token(&refresh("plain", "wrong", &token)).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, "invalid_client"));
        assert_eq!(world.token(&refresh("plain", "plain-secret", &token)).await.status, 200, "the right one works on");
    }
}

#[tokio::test]
async fn a_wrong_verifier_uses_the_code_up_or_does_not() {
    for (setting, status) in [(true, 400), (false, 200)] {
        let world = with(json!({"wrong_verifier_burns_code": setting}));
        let code = code(&world, &[]).await;
        let wrong = change(exchange(&code), "code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXX");
        assert_eq!(world.token(&wrong).await.status, 400);
        assert_eq!(world.token(&exchange(&code)).await.status, status, "{setting}");
        assert_eq!(world.token(&exchange(&code)).await.status, 400, "a code is good once");
    }
}

#[tokio::test]
async fn a_tree_has_the_status_of_its_outcome_or_200() {
    for (setting, statuses) in [("by_outcome", [201, 400]), ("ok", [200, 200])] {
        let world = with(json!({"tree_status": setting}));
        for ((name, failed), status) in [("A", false), ("", true)].into_iter().zip(statuses) {
            let record = json!({"attributes": {"type": "Account", "referenceId": "r"}, "Name": name});
            let answer = world.client().post("/composite/tree/Account", json!({"records": [record]})).await;
            assert_eq!((answer.status, &answer.json()["hasErrors"]), (status, &json!(failed)), "{setting}");
        }
        assert_eq!(world.client().query("SELECT Id FROM Account").await.len(), 1);
    }
}

#[tokio::test]
async fn a_query_for_what_is_no_id_has_either_code() {
    for (setting, want) in [("invalid_query_filter_operator", "INVALID_QUERY_FILTER_OPERATOR"), ("malformed_query", "MALFORMED_QUERY")] {
        let world = with(json!({"malformed_id_in_query": setting}));
        let answer = world.client().get("/query?q=SELECT+Id+FROM+Lead+WHERE+Id+=+'abc'").await;
        assert_eq!((answer.status, answer.code().as_str()), (400, want));
    }
}

#[tokio::test]
async fn twenty_six_sub_requests_are_refused_with_either_status() {
    for (setting, status) in [("ok", 200), ("bad_request", 400)] {
        let world = with(json!({"too_many_requests": setting}));
        let sub = |n: usize| json!({"method": "GET", "url": "/services/data/v66.0/sobjects/Lead", "referenceId": format!("r{n}")});
        let answer = world.client().post("/composite", json!({"compositeRequest": (0..26).map(sub).collect::<Vec<_>>()})).await;
        let elements = answer.json()["compositeResponse"].clone();
        assert_eq!((answer.status, elements.as_array().unwrap().len()), (status, 1));
        assert_eq!((&elements[0]["httpStatusCode"], &elements[0]["body"][0]["errorCode"]), (&json!(400), &json!("LIMIT_EXCEEDED")));
    }
}

#[tokio::test]
async fn a_session_that_may_not_use_the_api_has_either_status() {
    for (setting, status) in [("unauthorized", 401), ("forbidden", 403)] {
        let world = with(json!({"session_not_for_api": setting}));
        let client = world.client();
        world.control("PATCH", "users/admin@org.example", json!({"permissions": {"api_enabled": false}})).await;
        let answer = client.get("/limits").await;
        assert_eq!((answer.status, answer.code().as_str()), (status, "INVALID_SESSION_ID"));
        assert!(answer.text.contains("This session is not valid for use with the REST API"), "{}", answer.text);
    }
}

#[tokio::test]
async fn the_limit_header_tells_the_share_of_the_app_or_does_not() {
    for (setting, want) in [(false, "api-usage=1/100000"), (true, "api-usage=1/100000; per-app-api-usage=1/100000(appName=a1)")] {
        let world = with(json!({"usage_of_the_app": setting}));
        assert_eq!(world.client().get("/limits").await.header("sforce-limit-info"), want);
    }
}

#[tokio::test]
async fn the_instance_url_ends_in_a_slash_or_does_not() {
    for (setting, want) in [(false, INSTANCE.to_owned()), (true, format!("{INSTANCE}/"))] {
        let world = with(json!({"slash_after_instance_url": setting}));
        let code = code(&world, &[]).await;
        assert_eq!(world.token(&exchange(&code)).await.json()["instance_url"], want);
    }
}
