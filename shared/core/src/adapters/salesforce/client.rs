//! One org and the right to call it. [`Org::send`] is the only place that sends.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header, response::Parts};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{
    ApiVersion, CLIENT_NAME, SalesforceError,
    collections::Alone,
    composite::{self, Composite, CompositeAnswer},
    soql::{self, QueryPage},
};
use crate::ports::Transport;

/// How much of the org's daily API calls is used, as the header `Sforce-Limit-Info` told last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Calls in the last 24 hours, by everybody.
    pub used: u64,
    /// The org's limit.
    pub max: u64,
}

impl Usage {
    /// Reads `api-usage=18/5000; per-app-api-usage=17/250(appName=x)`.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let (used, max) = header.split(';').find_map(|part| part.trim().strip_prefix("api-usage="))?.split_once('/')?;
        Some(Self { used: used.trim().parse().ok()?, max: max.trim().parse().ok()? })
    }
}

/// What calls have cost so far; survives a refreshed token.
#[derive(Debug, Default)]
pub struct Meter {
    calls: AtomicU32,
    usage: Mutex<Option<Usage>>,
}

/// An org and an access token for it.
pub struct Org<'a> {
    transport: &'a dyn Transport,
    instance_url: String,
    token: SecretString,
    version: ApiVersion,
    meter: Arc<Meter>,
}

impl fmt::Debug for Org<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Org").field("instance_url", &self.instance_url).field("version", &self.version).finish_non_exhaustive()
    }
}

/// A successful answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The status, 200 to 299.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The JSON body; null where it is empty.
    pub body: Value,
}

impl<'a> Org<'a> {
    /// `instance_url` is an origin that [`super::host::parse_origin`] let pass.
    #[must_use]
    pub fn new(transport: &'a dyn Transport, instance_url: &str, token: SecretString, version: ApiVersion, meter: Arc<Meter>) -> Self {
        Self { transport, instance_url: instance_url.trim_end_matches('/').to_owned(), token, version, meter }
    }

    /// The version of the API that is spoken.
    #[must_use]
    pub fn version(&self) -> &ApiVersion {
        &self.version
    }

    /// Where the org is.
    #[must_use]
    pub fn instance_url(&self) -> &str {
        &self.instance_url
    }

    /// How many calls Salesforce has counted, or may have.
    #[must_use]
    pub fn calls(&self) -> u32 {
        self.meter.calls.load(Ordering::Relaxed)
    }

    /// The usage that the last answer told.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        *self.meter.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The counters, to hand on to the next token's session.
    #[must_use]
    pub fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }

    /// Sends one call. `path` begins with `/services/`; anything else would carry the token elsewhere and is refused.
    ///
    /// # Errors
    /// Every status that is not 2xx is [`SalesforceError::Refused`]. Nothing is repeated.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>, timeout: Duration) -> Result<Answer, SalesforceError> {
        let request = self.request(method, path, body, "application/json")?;
        let (parts, bytes) = self.exchange(request, timeout).await?;
        let body = match bytes.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&bytes).map_err(|e| SalesforceError::unreadable("a call", e))?,
        };
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    /// Writes one record by a call of its own.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn write_alone(&self, call: &Alone, timeout: Duration) -> Result<(), SalesforceError> {
        let mut request = self.request(Method::PATCH, &call.path, Some(&call.body), "application/json")?;
        for (name, value) in &call.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(SalesforceError::unsendable)?;
            request.headers_mut().insert(name, HeaderValue::from_str(value).map_err(SalesforceError::unsendable)?);
        }
        self.exchange(request, timeout).await.map(|_| ())
    }

    /// Reads a resource that answers with CSV: its headers and its body.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn csv(&self, path: &str, timeout: Duration) -> Result<(HeaderMap, Bytes), SalesforceError> {
        let request = self.request(Method::GET, path, None, "text/csv")?;
        let (parts, bytes) = self.exchange(request, timeout).await?;
        Ok((parts.headers, bytes))
    }

    async fn exchange(&self, request: Request<Bytes>, timeout: Duration) -> Result<(Parts, Bytes), SalesforceError> {
        self.meter.calls.fetch_add(1, Ordering::Relaxed);
        let response = match self.transport.send(request, timeout).await {
            Ok(response) => response,
            Err(error) => {
                if matches!(error, crate::ports::TransportError::NotSent { .. }) {
                    self.meter.calls.fetch_sub(1, Ordering::Relaxed);
                }
                return Err(SalesforceError::Unanswered(error));
            }
        };
        let usage = header_text(response.headers(), "sforce-limit-info").and_then(Usage::parse);
        if usage.is_some() {
            *self.meter.usage.lock().unwrap_or_else(PoisonError::into_inner) = usage;
        }
        succeeded(response, usage.or_else(|| self.usage()))
    }

    fn request(&self, method: Method, path: &str, body: Option<&Value>, accept: &'static str) -> Result<Request<Bytes>, SalesforceError> {
        if !path.starts_with("/services/") {
            return Err(SalesforceError::unsendable("the path is not one of Salesforce's services"));
        }
        let authorization = format!("Bearer {}", self.token.expose_secret());
        let mut authorization = header::HeaderValue::from_str(&authorization).map_err(SalesforceError::unsendable)?;
        authorization.set_sensitive(true);
        let request = Request::builder().method(method).uri(format!("{}{path}", self.instance_url));
        let request = request.header(header::AUTHORIZATION, authorization).header(header::ACCEPT, accept);
        let request = request.header("Sforce-Call-Options", CLIENT_NAME);
        let request = match body {
            Some(_) => request.header(header::CONTENT_TYPE, "application/json"),
            None => request,
        };
        let bytes = body.map(serde_json::to_vec).transpose().map_err(SalesforceError::unsendable)?.unwrap_or_default();
        request.body(Bytes::from(bytes)).map_err(SalesforceError::unsendable)
    }

    /// Does up to 25 requests in one call.
    ///
    /// # Errors
    /// Only those of the call itself: each sub-request has its own answer.
    pub async fn composite(&self, call: &Composite, timeout: Duration) -> Result<CompositeAnswer, SalesforceError> {
        let body = call.body().map_err(SalesforceError::unsendable)?;
        let answer = self.send(Method::POST, &self.version.path("composite"), Some(&body), timeout).await?;
        composite::parse_answer(call, &answer.body)
    }

    /// Asks one query and answers its first page.
    pub async fn query(&self, soql: &str, timeout: Duration) -> Result<QueryPage, SalesforceError> {
        let answer = self.send(Method::GET, &soql::url(&self.version, soql), None, timeout).await?;
        soql::parse_page(&answer.body)
    }

    /// Fetches the next page, whose path the page before told.
    pub async fn query_more(&self, next: &str, timeout: Duration) -> Result<QueryPage, SalesforceError> {
        let answer = self.send(Method::GET, next, None, timeout).await?;
        soql::parse_page(&answer.body)
    }

    /// The org's limits: the cheapest call that proves that the API can be used.
    pub async fn limits(&self, timeout: Duration) -> Result<Value, SalesforceError> {
        Ok(self.send(Method::GET, &self.version.path("limits"), None, timeout).await?.body)
    }
}

fn header_text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn succeeded(response: http::Response<Bytes>, usage: Option<Usage>) -> Result<(Parts, Bytes), SalesforceError> {
    let (parts, bytes) = response.into_parts();
    if !parts.status.is_success() {
        let wait = header_text(&parts.headers, "retry-after").and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
        return Err(SalesforceError::refused(parts.status.as_u16(), &bytes, wait, usage));
    }
    Ok((parts, bytes))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::VecDeque;

    use serde_json::json;

    use super::*;
    use crate::{
        adapters::salesforce::Class,
        ports::{BoxFuture, Cause, TransportError},
    };

    type Scripted = Result<http::Response<Bytes>, TransportError>;

    /// Answers in order and keeps what it was sent.
    #[derive(Default)]
    struct Script {
        answers: Mutex<VecDeque<Scripted>>,
        seen: Mutex<Vec<Request<Bytes>>>,
    }

    impl Transport for Script {
        fn send(&self, request: Request<Bytes>, _: Duration) -> BoxFuture<'_, Scripted> {
            self.seen.lock().unwrap().push(request);
            let answer = self.answers.lock().unwrap().pop_front().unwrap();
            Box::pin(async move { answer })
        }
    }

    fn script(answers: Vec<Scripted>) -> Script {
        Script { answers: Mutex::new(answers.into()), ..Script::default() }
    }

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Scripted {
        let builder = http::Response::builder().status(status);
        let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
        Ok(builder.body(Bytes::from(body.to_owned())).unwrap())
    }

    fn org(script: &Script) -> Org<'_> {
        let version = ApiVersion::parse("66.0").unwrap();
        Org::new(script, "https://acme.my.salesforce.com/", "00D!AQ".into(), version, Arc::default())
    }

    const TIMEOUT: Duration = Duration::from_secs(5);

    #[test]
    fn usage_is_read_from_both_forms_of_the_header() {
        for (header, want) in [
            ("api-usage=18/5000", Some((18, 5000))),
            ("api-usage=25/5000; per-app-api-usage=17/250(appName=sample-connected-app)", Some((25, 5000))),
            ("per-app-api-usage=17/250(appName=x)", None),
            ("api-usage=x/5000", None),
            ("", None),
        ] {
            assert_eq!(Usage::parse(header).map(|u| (u.used, u.max)), want, "{header}");
        }
    }

    #[tokio::test]
    async fn a_call_carries_token_name_and_body() {
        let script = script(vec![answer(200, &[("Sforce-Limit-Info", "api-usage=18/5000")], r#"{"compositeResponse":[]}"#)]);
        let org = org(&script);
        let body = json!({"a": 1});
        org.send(Method::POST, "/services/data/v66.0/composite", Some(&body), TIMEOUT).await.unwrap();
        let seen = script.seen.lock().unwrap();
        let request = seen.first().unwrap();
        let header = |name: &str| request.headers().get(name).unwrap().to_str().unwrap().to_owned();
        assert_eq!(request.uri(), "https://acme.my.salesforce.com/services/data/v66.0/composite");
        assert_eq!((header("authorization"), header("sforce-call-options")), ("Bearer 00D!AQ".to_owned(), "client=passerelle".to_owned()));
        assert_eq!((header("content-type"), request.body().as_ref()), ("application/json".to_owned(), br#"{"a":1}"#.as_slice()));
        assert!(request.headers().get("authorization").unwrap().is_sensitive());
        assert_eq!((org.calls(), org.usage()), (1, Some(Usage { used: 18, max: 5000 })));
    }

    #[tokio::test]
    async fn the_token_goes_nowhere_else() {
        let script = script(Vec::new());
        for path in ["https://evil.example/services/", "@evil.example/", ".evil.example/", "/elsewhere", ""] {
            let error = org(&script).query_more(path, TIMEOUT).await.unwrap_err();
            assert_eq!(error.class(), Class::Bug, "{path}");
        }
        assert!(script.seen.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn refusals_and_silence_are_errors() {
        let expired = r#"[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]"#;
        let lost = |sent: bool| {
            let (host, source) = ("h".to_owned(), Cause::from("x"));
            Err(if sent { TransportError::MaybeSent { host, source } } else { TransportError::NotSent { host, source } })
        };
        let at_once = r#"[{"message":"ConcurrentRequests Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]"#;
        let minute = Class::Retry { after: Some(Duration::from_secs(60)) };
        let retry = Class::Retry { after: None };
        // (name, answer, class, calls counted)
        for (name, scripted, class, calls) in [
            ("expired", answer(401, &[], expired), Class::Reauthorise, 1),
            ("choices", answer(300, &[], r#"["/services/data/v66.0/sobjects/Lead/00Q"]"#), Class::Park, 1),
            ("wait", answer(503, &[("Retry-After", "60")], ""), minute, 1),
            ("at once", answer(403, &[("Sforce-Limit-Info", "api-usage=1/9"), ("Retry-After", "60")], at_once), minute, 1),
            ("html", answer(200, &[], "<html>"), retry, 1),
            ("silent", lost(true), retry, 1),
            ("unsent", lost(false), retry, 0),
        ] {
            let script = script(vec![scripted]);
            let org = org(&script);
            let error = org.limits(TIMEOUT).await.unwrap_err();
            assert_eq!((error.class(), org.calls()), (class, calls), "{name}");
        }
    }

    #[tokio::test]
    async fn pages_follow_each_other() {
        let first = r#"{"totalSize":2,"done":false,"nextRecordsUrl":"/services/data/v66.0/query/01g-1","records":[{"attributes":{"type":"Lead"},"Name":"a"}]}"#;
        let last = r#"{"totalSize":2,"done":true,"records":[{"attributes":{"type":"Lead"},"Name":"b"}]}"#;
        let script = script(vec![answer(200, &[], first), answer(200, &[], last)]);
        let org = org(&script);
        let page = org.query("SELECT Name FROM Lead", TIMEOUT).await.unwrap();
        let next = org.query_more(page.next.as_deref().unwrap(), TIMEOUT).await.unwrap();
        assert_eq!((page.done(), next.done(), next.records.first().unwrap().text("Name")), (false, true, Some("b")));
        let paths: Vec<String> = script.seen.lock().unwrap().iter().map(|r| r.uri().to_string()).collect();
        assert_eq!(
            paths,
            [
                "https://acme.my.salesforce.com/services/data/v66.0/query?q=SELECT+Name+FROM+Lead",
                "https://acme.my.salesforce.com/services/data/v66.0/query/01g-1",
            ]
        );
    }
}
