//! The HTTP API over sockets: what functions are sent, and what callers get back.

use std::sync::{Arc, Mutex};

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use passerelle_local::{Functions, Stack, gateway::Routes};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{StandingClock, answer, http, no_functions, quiet, start};

type Seen = Arc<Mutex<Vec<(&'static str, ApiGatewayV2httpRequest)>>>;

/// A stack whose functions note what they are sent and answer their name.
async fn noting() -> (Stack, Seen) {
    let seen = Seen::default();
    let note = |name: &'static str| {
        let seen = Arc::clone(&seen);
        http(move |event| {
            seen.lock().unwrap().push((name, event));
            Ok(answer(200, &json!(name)))
        })
    };
    let routes = Routes { intake: note("intake"), oauth: note("oauth"), console: note("console") };
    let stack = Stack::start(quiet(&StandingClock::new()), |_| Functions { routes, ..no_functions() }).await.unwrap();
    (stack, seen)
}

#[tokio::test]
async fn requests_reach_their_function() {
    let (stack, _) = noting().await;
    let cases = [
        (Method::POST, "/v1/hooks/kayo", Some("intake")),
        (Method::GET, "/v1/hooks/kayo", Some("console")),
        (Method::GET, "/", Some("console")),
        (Method::DELETE, "/v1/connections/acme", Some("console")),
        (Method::GET, "/oauth/acme/connect", Some("oauth")),
        (Method::POST, "/oauth/acme/start", Some("oauth")),
        (Method::GET, "/oauth/acme/start", None),
        (Method::GET, "/oauth/acme/callback", Some("oauth")),
        (Method::POST, "/", None),
        (Method::GET, "/elsewhere", None),
    ];
    for (method, path, want) in cases {
        let given = Client::new().request(method.clone(), format!("{}{path}", stack.addresses().gateway)).send().await.unwrap();
        let status = given.status();
        let body: Value = given.json().await.unwrap();
        match want {
            Some(name) => assert_eq!((status, body), (StatusCode::OK, json!(name)), "{method} {path}"),
            None => assert_eq!((status, body), (StatusCode::NOT_FOUND, json!({ "message": "Not Found" })), "{method} {path}"),
        }
    }
}

/// A command's requests are the whole of an event; the API makes each of its events itself, and callers fill in parts of it only. No route leads
/// to the function that answers commands; were there one, it would not know what was asked.
#[tokio::test]
async fn a_request_that_looks_like_a_commands_is_a_request() {
    let (stack, seen) = noting().await;
    let forged = json!({"operator": {"disconnect": {"connection": "kayo"}}});
    assert!(serde_json::from_value::<passerelle_reconcile::Call>(forged.clone()).is_ok(), "by itself it would be obeyed");
    for path in ["/oauth/kayo/start?operator=disconnect", "/v1/hooks/kayo", "/v1/operator"] {
        let request = Client::new().post(format!("{}{path}", stack.addresses().gateway)).header("operator", "disconnect").json(&forged);
        assert_eq!(request.send().await.unwrap().status(), StatusCode::OK, "{path}");
        let (name, event) = seen.lock().unwrap().pop().unwrap();
        assert!(["oauth", "intake", "console"].contains(&name), "{name}");
        let event = serde_json::to_value(event).unwrap();
        assert_eq!((event["body"].as_str(), event.get("operator")), (Some(forged.to_string().as_str()), None), "{event}");
        assert!(serde_json::from_value::<passerelle_reconcile::Call>(event).is_err(), "{path}");
    }
}

#[tokio::test]
async fn an_event_carries_the_request() {
    let (stack, seen) = noting().await;
    let url = format!("{}/v1/hooks/kayo?a=1&a=2&b=%C3%A9", stack.addresses().gateway);
    let request = Client::new().post(url).header("Content-Type", "application/json").header("X-Signature", "v1,abc").header("Cookie", "k=v");
    request.body(r#"{"events":[]}"#).send().await.unwrap();
    let (_, event) = seen.lock().unwrap().remove(0);
    assert_eq!((event.version.as_deref(), event.route_key.as_deref()), (Some("2.0"), Some("POST /v1/hooks/{source}")));
    assert_eq!((event.raw_path.as_deref(), event.raw_query_string.as_deref()), (Some("/v1/hooks/kayo"), Some("a=1&a=2&b=%C3%A9")));
    assert_eq!(event.query_string_parameters.all("a"), Some(vec!["1", "2"]));
    assert_eq!(event.query_string_parameters.first("b"), Some("é"));
    assert_eq!(event.path_parameters["source"], "kayo");
    assert_eq!(event.headers["x-signature"], "v1,abc");
    assert_eq!((event.headers.get("cookie"), event.cookies), (None, Some(vec!["k=v".to_owned()])));
    assert_eq!((event.body.as_deref(), event.is_base64_encoded), (Some(r#"{"events":[]}"#), false));
    let context = &event.request_context;
    assert_eq!((context.http.method.as_str(), context.http.source_ip.as_deref()), ("POST", Some("127.0.0.1")));
    assert_eq!((context.stage.as_deref(), context.time_epoch), (Some("$default"), start().as_millisecond()));
}

#[tokio::test]
async fn a_function_that_fails_or_panics_is_a_500_and_costs_nobody_else() {
    let functions = |_: &_| {
        let failing = http(|_| Err("a cause that no caller may see".into()));
        let routes = Routes { intake: failing, oauth: http(|_| panic!("a bug")), console: http(|_| Ok(answer(200, &json!("well")))) };
        Functions { routes, ..no_functions() }
    };
    let stack = Stack::start(quiet(&StandingClock::new()), functions).await.unwrap();
    let gateway = &stack.addresses().gateway;
    let requests = [Client::new().post(format!("{gateway}/v1/hooks/kayo")), Client::new().get(format!("{gateway}/oauth/acme/callback"))];
    for request in requests {
        let given = request.send().await.unwrap();
        assert_eq!(given.status(), 500);
        assert_eq!(given.json::<Value>().await.unwrap(), json!({ "message": "Internal Server Error" }));
    }
    assert_eq!(Client::new().get(gateway).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn answers_arrive_with_cookies_headers_and_bytes() {
    let functions = |_: &_| {
        let console = http(|_| {
            let answer = json!({
                "statusCode": 201, "headers": { "content-type": "image/png", "location": "/v1/x" }, "multiValueHeaders": {},
                "cookies": ["a=1; HttpOnly", "b=2"], "body": "/wAB", "isBase64Encoded": true,
            });
            Ok(serde_json::from_value(answer)?)
        });
        let routes = Routes { console, ..no_functions().routes };
        Functions { routes, ..no_functions() }
    };
    let stack = Stack::start(quiet(&StandingClock::new()), functions).await.unwrap();
    let given = Client::new().get(&stack.addresses().gateway).send().await.unwrap();
    assert_eq!(given.status(), 201);
    assert_eq!((&given.headers()["content-type"], &given.headers()["location"]), (&"image/png".parse().unwrap(), &"/v1/x".parse().unwrap()));
    assert_eq!(given.headers().get_all("set-cookie").iter().collect::<Vec<_>>(), ["a=1; HttpOnly", "b=2"]);
    assert_eq!(given.bytes().await.unwrap().as_ref(), [0xff, 0, 1]);
}
