//! Faults on purpose, as a library and over HTTP.

use salesforce_sim::{Cut, Effect, Matcher, Moment};
use serde_json::{Value, json};

use crate::common::*;

#[tokio::test]
async fn a_cut_before_stores_nothing_and_a_cut_after_stores_everything() {
    let world = world();
    let client = world.client();
    let control = world.sim.control();
    let body = json!({"LastName": "Lee", "Company": "ACME"});
    for (effect, committed, leads) in [(Effect::CutBefore, false, 0), (Effect::CutAfter, true, 1)] {
        let id = control.fault(Matcher::route("sobject").times(1), effect);
        let outcome = world.sim.call(client.request("POST", "/sobjects/Lead", &body)).await;
        assert_eq!(outcome.unwrap_err(), Cut { committed });
        assert_eq!(client.query("SELECT Id FROM Lead").await.len(), leads);
        assert!(control.remove_fault(id));
    }
    assert_eq!(control.counters().cuts, 2);
}

#[tokio::test(start_paused = true)]
async fn delays_pass_in_tokio_time() {
    let world = world();
    let client = world.client();
    world.sim.control().fault(Matcher::default(), Effect::Delay { ms: 90_000, moment: Moment::Before });
    world.sim.control().fault(Matcher::default(), Effect::Delay { ms: 30_000, moment: Moment::After });
    let begin = tokio::time::Instant::now();
    assert_eq!(client.get("/limits").await.status, 200);
    assert_eq!(begin.elapsed().as_secs(), 120);
}

#[tokio::test]
async fn answers_can_be_replaced_shortened_and_mislabelled() {
    let world = world();
    let client = world.client();
    let control = world.sim.control();
    let status = Effect::Status { status: 503, code: "SERVER_UNAVAILABLE".into(), message: "Server Unavailable".into(), retry_after: Some(7) };
    control.fault(Matcher::default().nth(1), status);
    control.fault(Matcher::default().nth(2), Effect::Html { status: 502 });
    control.fault(Matcher::default().nth(3), Effect::Truncate { bytes: 10 });
    control.fault(Matcher::default().nth(4), Effect::ContentType { value: "text/plain".into() });
    control.fault(Matcher::default().nth(5), Effect::Quota);
    control.fault(Matcher::default().nth(6), Effect::ExpireToken);
    let unavailable = client.get("/limits").await;
    assert_eq!((unavailable.status, unavailable.code().as_str(), unavailable.header("retry-after")), (503, "SERVER_UNAVAILABLE", "7"));
    let page = client.get("/limits").await;
    assert!(page.status == 502 && page.header("content-type").starts_with("text/html") && page.text.contains("<html"));
    let short = client.get("/limits").await;
    assert!(short.text.len() == 10 && short.header("content-length").parse::<usize>().unwrap() > 10);
    let odd = client.get("/limits").await;
    assert_eq!((odd.header("content-type"), odd.json()["DailyApiRequests"]["Max"].clone()), ("text/plain", json!(100_000)));
    assert_eq!(client.get("/limits").await.code(), "REQUEST_LIMIT_EXCEEDED");
    assert_eq!(client.get("/limits").await.code(), "INVALID_SESSION_ID");
    assert_eq!(client.get("/limits").await.code(), "INVALID_SESSION_ID");
}

#[tokio::test]
async fn locks_strike_single_records_of_a_collection() {
    let world = world();
    let client = world.client();
    let lock = Effect::Lock { sobject: Some("Lead".into()), contains: Some("Locked".into()) };
    world.sim.control().fault(Matcher::route("composite.*").times(1), lock);
    let record = |name: &str| json!({"attributes": {"type": "Lead"}, "LastName": name, "Company": "ACME"});
    let body = json!({"records": [record("Free"), record("Locked")]});
    let items = client.post("/composite/sobjects", body.clone()).await.json();
    assert_eq!((&items[0]["success"], &items[1]["errors"][0]["statusCode"]), (&json!(true), &json!("UNABLE_TO_LOCK_ROW")));
    let items = client.post("/composite/sobjects", body).await.json();
    assert_eq!(items[1]["success"], true);
}

#[tokio::test]
async fn any_error_strikes_the_records_it_names_and_no_others() {
    let world = world();
    let client = world.client();
    let effect = json!({"kind": "record_error", "sobject": "Lead", "contains": "Struck", "status": 400,
                        "code": "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "message": "Trigger: execution of BeforeInsert"});
    assert_eq!(world.control("POST", "faults", json!({"when": {"method": "POST"}, "effect": effect})).await.status, 201);
    let record = |object: &str, name: &str| json!({"attributes": {"type": object}, "LastName": name, "Company": "ACME"});
    let contact = json!({"attributes": {"type": "Contact"}, "LastName": "Struck"});
    let items = client.post("/composite/sobjects", json!({"records": [record("Lead", "Free"), record("Lead", "Struck"), contact]})).await.json();
    let want = json!({"statusCode": "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "message": "Trigger: execution of BeforeInsert", "fields": []});
    assert_eq!((&items[0]["success"], &items[1]["errors"][0], &items[2]["success"]), (&json!(true), &want, &json!(true)));
    let single = client.post("/sobjects/Lead", json!({"LastName": "Struck", "Company": "ACME"})).await;
    assert_eq!((single.status, single.code().as_str()), (400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"));
    assert_eq!(client.query("SELECT Id FROM Lead").await.len(), 1);
}

#[tokio::test]
async fn too_many_at_once_differs_from_too_many_in_a_day() {
    let world = world();
    let client = world.client();
    for (effect, text) in
        [(Effect::Concurrency, "ConcurrentRequests (Concurrent API Requests) Limit exceeded."), (Effect::Quota, "TotalRequests Limit exceeded.")]
    {
        world.sim.control().fault(Matcher::default().times(1), effect);
        let answer = client.get("/limits").await;
        assert_eq!((answer.status, answer.json()), (403, json!([{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": text}])));
        assert_eq!(client.get("/limits").await.status, 200);
    }
}

#[tokio::test]
async fn oauth_faults_have_the_shape_of_oauth_errors() {
    let world = world();
    let effect = Effect::Status { status: 400, code: "rate_limit_exceeded".into(), message: "slower".into(), retry_after: None };
    world.sim.control().fault(Matcher::route("oauth.token"), effect);
    let answer = world.token(&[("grant_type", "refresh_token")]).await;
    assert_eq!(answer.json(), json!({"error": "rate_limit_exceeded", "error_description": "slower"}));
}

#[tokio::test]
async fn a_held_transaction_commits_late_with_early_stamps() {
    let world = world();
    let client = world.client();
    let control = world.sim.control();
    control.fault(Matcher { method: Some("POST".into()), ..Matcher::default() }.times(1), Effect::Hold { cut: true });
    let request = client.request("POST", "/sobjects/Lead", &json!({"LastName": "Late", "Company": "ACME"}));
    assert_eq!(world.sim.call(request).await.unwrap_err(), Cut { committed: false });
    world.clock.advance(jiff::SignedDuration::from_mins(10));
    assert_eq!((client.query("SELECT Id FROM Lead").await.len(), control.held()), (0, 1));
    let window = "start=2026-11-23T07:30:00Z&end=2026-11-23T08:05:00Z";
    let before = client.get(&format!("/sobjects/Lead/updated?{window}")).await.json();
    assert_eq!(before, json!({"ids": [], "latestDateCovered": "2026-11-23T08:00:00.000+0000"}));
    assert_eq!(control.commit_held(), [201]);
    let rows = client.query("SELECT SystemModstamp FROM Lead").await;
    assert_eq!(rows[0]["SystemModstamp"], "2026-11-23T08:00:00.000+0000");
    let after = client.get(&format!("/sobjects/Lead/updated?{window}")).await.json();
    assert_eq!((after["ids"].as_array().unwrap().len(), after["latestDateCovered"].clone()), (1, json!("2026-11-23T08:05:00.000+0000")));
}

#[tokio::test]
async fn a_waiting_client_of_a_held_transaction_gets_its_answer() {
    let world = world();
    let client = world.client();
    world.sim.control().fault(Matcher::route("sobject").times(1), Effect::Hold { cut: false });
    let request = client.request("POST", "/sobjects/Lead", &json!({"LastName": "Late", "Company": "ACME"}));
    let sim = world.sim.clone();
    let waiting = tokio::spawn(async move { sim.call(request).await.unwrap().status().as_u16() });
    while world.sim.control().held() == 0 {
        tokio::task::yield_now().await;
    }
    world.sim.control().commit_held();
    assert_eq!(waiting.await.unwrap(), 201);
}

async fn control(world: &World, method: &str, path: &str, body: Value) -> Answer {
    world.control(method, path, body).await
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_takes_the_time_of_its_bytes() {
    let world = world();
    let client = world.client();
    let whole = client.get("/limits").await.text;
    world.sim.control().fault(Matcher::route("limits"), Effect::Slow { bytes_per_second: 10 });
    let begin = tokio::time::Instant::now();
    assert_eq!(client.get("/limits").await.text.len(), whole.len());
    assert_eq!(begin.elapsed().as_millis(), whole.len() as u128 * 100);
}

#[tokio::test]
async fn chance_strikes_as_often_as_it_says_and_always_the_same() {
    let struck = async || {
        let world = world();
        let client = world.client();
        let fault = json!({"when": {"route": "limits", "probability": 0.3}, "effect": {"kind": "html", "status": 503}});
        world.control("POST", "faults", fault).await;
        let mut struck = Vec::new();
        for _ in 0..100 {
            struck.push(client.get("/limits").await.status == 503);
        }
        struck
    };
    let first = struck().await;
    let count = first.iter().filter(|struck| **struck).count();
    assert!((15..45).contains(&count), "{count}");
    assert_eq!(first, struck().await);
}

#[tokio::test]
async fn requests_are_counted_by_kind_and_by_what_they_cost() {
    let world = world();
    let client = world.client();
    client.lead("A").await;
    client.query("SELECT Id FROM Lead").await;
    world.get(&format!("{INSTANCE}/services/data")).await;
    world.get(&format!("{INSTANCE}/services/data/v66.0/limits")).await;
    let sub = |n: usize| json!({"method": "GET", "url": "/services/data/v66.0/sobjects/Lead/describe", "referenceId": format!("r{n}")});
    client.post("/composite", json!({"compositeRequest": [sub(1), sub(2), sub(3)]})).await;
    world.sim.control().fault(Matcher::route("query"), Effect::Html { status: 503 });
    client.get("/query?q=x").await;
    let counters = world.control("GET", "counters", Value::Null).await.json();
    // The list of versions is free, a refused request and one that a fault answered cost nothing, a composite costs one.
    assert_eq!(counters["by_route"], json!({"composite": 1, "limits": 1, "query": 2, "sobject": 1, "versions": 1}));
    assert_eq!(counters["api_calls_by_route"], json!({"composite": 1, "query": 1, "sobject": 1}));
    assert_eq!(counters["api_calls"], 3);
}

#[tokio::test]
async fn everything_can_be_done_over_http() {
    let world = world();
    let client = world.client();
    client.lead("Lee").await;
    let records = control(&world, "GET", "records/Lead", Value::Null).await.json();
    assert_eq!((&records["totalSize"], &records["records"][0]["LastName"]), (&json!(1), &json!("Lee")));
    let fault = json!({"when": {"route": "limits", "count": 1}, "effect": {"kind": "quota"}});
    let added = control(&world, "POST", "faults", fault).await;
    assert_eq!((added.status, added.json()), (201, json!({"id": 1})));
    assert_eq!(client.get("/limits").await.status, 403);
    assert_eq!(client.get("/limits").await.status, 200);
    let state = control(&world, "GET", "faults", Value::Null).await.json();
    assert_eq!((&state[0]["seen"], &state[0]["fired"]), (&json!(2), &json!(1)));
    assert_eq!(control(&world, "POST", "faults", json!({"effect": {"kind": "nonsense"}})).await.status, 400);
    let counters = control(&world, "GET", "counters", Value::Null).await.json();
    assert_eq!((&counters["api_calls"], &counters["by_route"]["limits"]), (&json!(2), &json!(2)));
    let journal = control(&world, "GET", "requests", Value::Null).await.json();
    assert_eq!(journal[1]["ending"], json!({"answered": 403}));
    assert_eq!(control(&world, "POST", "expire-tokens", Value::Null).await.json(), json!({"count": 1}));
    assert_eq!(client.get("/limits").await.status, 401);
    assert_eq!(control(&world, "DELETE", "faults", Value::Null).await.status, 204);
    assert_eq!(control(&world, "POST", "reset", Value::Null).await.status, 204);
    assert_eq!(control(&world, "GET", "records/Lead", Value::Null).await.json()["totalSize"], 0);
    assert_eq!(world.sim.control().counters().requests, 0);
}
