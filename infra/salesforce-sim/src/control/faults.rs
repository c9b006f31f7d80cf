//! Faults on purpose: which requests they strike and what they do to them.
//! Owns matching and bookkeeping; refuses to know how a request is answered.

use rand::{Rng, rngs::StdRng};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Names a fault, so that it can be taken away again.
pub type FaultId = u64;

/// One fault: requests that match feel the effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Which requests.
    #[serde(default)]
    pub when: Matcher,
    /// What happens to them.
    pub effect: Effect,
}

/// Conditions on a request; all that are set must hold. The default matches every request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Matcher {
    /// Route kind as in the counters (`sobject.row`); `composite.*` takes all that begin so.
    pub route: Option<String>,
    /// HTTP method.
    pub method: Option<String>,
    /// Text inside the path as sent and the query decoded.
    pub path_contains: Option<String>,
    /// Text inside the body.
    pub body_contains: Option<String>,
    /// Client name from `Sforce-Call-Options`.
    pub client: Option<String>,
    /// A list of more records than this, in the body itself or in a sub-request: what an org's automation has to take at once.
    /// With `body_contains` it is this list that contains the text.
    pub more_records_than: Option<usize>,
    /// Only the n-th request that satisfies the rest, counted from 1.
    pub nth: Option<u64>,
    /// Chance from 0 to 1, drawn from the simulator's seeded randomness.
    pub probability: Option<f64>,
    /// The most requests the fault strikes.
    pub count: Option<u64>,
}

/// When a delay happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// Before the request is worked on.
    #[default]
    Before,
    /// After its effects are stored, before the answer goes out.
    After,
}

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// Answered with this error instead of being worked on; OAuth routes answer `{error, error_description}`.
    Status {
        /// HTTP status.
        status: u16,
        /// `errorCode`, or `error` on OAuth routes.
        code: String,
        /// `message`, or `error_description`.
        #[serde(default)]
        message: String,
        /// Value of a `Retry-After` header, in seconds.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// Waits in tokio time.
    Delay {
        /// Milliseconds.
        ms: u64,
        /// Before or after the work.
        #[serde(default)]
        moment: Moment,
    },
    /// The connection is closed before anything is done.
    CutBefore,
    /// Everything is stored, then the connection is closed without an answer.
    CutAfter,
    /// The request's transaction stays open until `commit_held`: its rows get the stamps of its arrival and
    /// become visible only then.
    Hold {
        /// Closes the connection at once instead of letting the client wait.
        #[serde(default)]
        cut: bool,
    },
    /// The answer's body trickles. In process it comes whole, after the time it would have taken.
    Slow {
        /// Bytes a second.
        bytes_per_second: u32,
    },
    /// Only the first bytes of the answer's body arrive.
    Truncate {
        /// Bytes that arrive.
        bytes: usize,
    },
    /// An HTML error page instead of an answer.
    Html {
        /// HTTP status.
        status: u16,
    },
    /// The answer's body is left and its content type replaced.
    ContentType {
        /// The media type.
        value: String,
    },
    /// The request's access token dies before the request is worked on.
    ExpireToken,
    /// 403 `REQUEST_LIMIT_EXCEEDED`, "TotalRequests Limit exceeded."
    Quota,
    /// 403 `REQUEST_LIMIT_EXCEEDED` for too many long-running requests.
    Concurrency,
    /// Writes of matching records fail with `UNABLE_TO_LOCK_ROW`; the rest of the request is worked on.
    Lock {
        /// Only records of this object.
        #[serde(default)]
        sobject: Option<String>,
        /// Only records whose id or fields contain this text.
        #[serde(default)]
        contains: Option<String>,
    },
    /// Writes of matching records fail with this error.
    RecordError {
        /// Only records of this object.
        #[serde(default)]
        sobject: Option<String>,
        /// Only records whose id or fields contain this text.
        #[serde(default)]
        contains: Option<String>,
        /// HTTP status, where the record is the whole request.
        #[serde(default = "bad_request")]
        status: u16,
        /// `errorCode`.
        code: String,
        /// `message`.
        #[serde(default)]
        message: String,
    },
}

fn bad_request() -> u16 {
    400
}

/// What a matcher looks at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Route kind.
    pub route: &'a str,
    /// HTTP method.
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// Body as text.
    pub body: &'a str,
    /// Client name.
    pub client: Option<&'a str>,
}

impl Matcher {
    /// Every request of one route kind.
    pub fn route(kind: impl Into<String>) -> Matcher {
        Matcher { route: Some(kind.into()), ..Matcher::default() }
    }

    /// The same matcher, striking at most `count` requests.
    #[must_use]
    pub fn times(mut self, count: u64) -> Matcher {
        self.count = Some(count);
        self
    }

    /// The same matcher, striking only the `nth` matching request, counted from 1.
    #[must_use]
    pub fn nth(mut self, nth: u64) -> Matcher {
        self.nth = Some(nth);
        self
    }

    fn describes(&self, subject: &Subject<'_>) -> bool {
        let holds = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|text| found.contains(text));
        self.route.as_deref().is_none_or(|wanted| route_matches(wanted, subject.route))
            && self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(subject.method))
            && holds(&self.path_contains, subject.path)
            && holds(&self.body_contains, subject.body)
            && self.client.as_deref().is_none_or(|wanted| subject.client == Some(wanted))
            && self.more_records_than.is_none_or(|most| serde_json::from_str(subject.body).is_ok_and(|body| self.has_longer_list(&body, most)))
    }

    /// Whether the body has, at any depth, a `records` list longer than this with the text that is wanted.
    fn has_longer_list(&self, body: &Value, most: usize) -> bool {
        match body {
            Value::Array(items) => items.iter().any(|item| self.has_longer_list(item, most)),
            Value::Object(members) => members.iter().any(|(name, member)| {
                let long = name == "records" && member.as_array().is_some_and(|records| records.len() > most);
                (long && self.body_contains.as_deref().is_none_or(|text| member.to_string().contains(text))) || self.has_longer_list(member, most)
            }),
            _ => false,
        }
    }
}

fn route_matches(wanted: &str, route: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(start) => route.starts_with(start),
        None => wanted == route,
    }
}

/// A fault with what became of it so far.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FaultState {
    /// Its name.
    pub id: FaultId,
    /// The fault.
    #[serde(flatten)]
    pub fault: Fault,
    /// Requests that satisfied the matcher's descriptive part.
    pub seen: u64,
    /// Requests it struck.
    pub fired: u64,
}

/// All faults in force.
#[derive(Debug, Default)]
pub struct Faults {
    list: Vec<FaultState>,
    next: FaultId,
}

impl Faults {
    /// Adds a fault and names it.
    pub fn add(&mut self, fault: Fault) -> FaultId {
        self.next += 1;
        self.list.push(FaultState { id: self.next, fault, seen: 0, fired: 0 });
        self.next
    }

    /// Takes one fault away; whether it was there.
    pub fn remove(&mut self, id: FaultId) -> bool {
        let before = self.list.len();
        self.list.retain(|state| state.id != id);
        self.list.len() != before
    }

    /// Takes all faults away.
    pub fn clear(&mut self) {
        self.list.clear();
    }

    /// The faults in force.
    pub fn list(&self) -> &[FaultState] {
        &self.list
    }

    /// The effects that strike this request, in the order the faults were added.
    pub fn strike(&mut self, subject: &Subject<'_>, rng: &mut StdRng) -> Vec<Effect> {
        let mut effects = Vec::new();
        for state in &mut self.list {
            let when = &state.fault.when;
            if !when.describes(subject) {
                continue;
            }
            state.seen += 1;
            let due = when.nth.is_none_or(|nth| nth == state.seen)
                && when.count.is_none_or(|count| state.fired < count)
                && when.probability.is_none_or(|chance| rng.random_bool(chance.clamp(0.0, 1.0)));
            if due {
                state.fired += 1;
                effects.push(state.fault.effect.clone());
            }
        }
        effects
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use rand::SeedableRng;

    use super::*;

    const SUBJECT: Subject<'static> =
        Subject { route: "composite.collections", method: "PATCH", path: "/x/composite/sobjects", body: "{\"a\":1}", client: Some("acme") };

    fn strikes(when: Matcher, requests: usize) -> Vec<usize> {
        let mut rng = StdRng::seed_from_u64(7);
        let mut faults = Faults::default();
        faults.add(Fault { when, effect: Effect::CutBefore });
        (1..=requests).filter(|_| !faults.strike(&SUBJECT, &mut rng).is_empty()).collect()
    }

    #[test]
    fn every_condition_must_hold() {
        let text = |text: &str| Some(text.to_owned());
        let any = Matcher::default;
        let cases = [
            (any(), true),
            (Matcher { route: text("composite.*"), ..any() }, true),
            (Matcher { route: text("composite"), ..any() }, false),
            (Matcher { method: text("patch"), ..any() }, true),
            (Matcher { method: text("POST"), ..any() }, false),
            (Matcher { path_contains: text("/composite/"), ..any() }, true),
            (Matcher { body_contains: text("\"b\""), ..any() }, false),
            (Matcher { client: text("acme"), method: text("GET"), ..any() }, false),
            (Matcher { client: text("other"), ..any() }, false),
        ];
        for (when, want) in cases {
            assert_eq!(!strikes(when.clone(), 1).is_empty(), want, "{when:?}");
        }
    }

    #[test]
    fn a_list_counts_wherever_it_stands_if_it_has_the_text() {
        let list = |most, text: Option<&str>| Matcher { more_records_than: Some(most), body_contains: text.map(str::to_owned), ..Matcher::default() };
        for (when, body, strikes) in [
            (list(2, None), r#"{"records": [1, 2]}"#, false),
            (list(2, None), r#"{"records": [1, 2, 3]}"#, true),
            (list(2, None), r#"{"compositeRequest": [{"body": {"records": [1, 2]}}, {"body": {"records": [1, 2]}}]}"#, false),
            (list(2, None), r#"{"compositeRequest": [{"body": {"records": [1]}}, {"body": {"records": [1, 2, 3]}}]}"#, true),
            (list(1, Some("a")), r#"{"compositeRequest": [{"body": {"records": ["a"]}}, {"body": {"records": ["b", "b"]}}]}"#, false),
            (list(1, Some("b")), r#"{"compositeRequest": [{"body": {"records": ["a"]}}, {"body": {"records": ["b", "b"]}}]}"#, true),
            (list(0, None), "grant_type=refresh_token", false),
        ] {
            let mut faults = Faults::default();
            faults.add(Fault { when: when.clone(), effect: Effect::CutBefore });
            let mut rng = StdRng::seed_from_u64(7);
            assert_eq!(!faults.strike(&Subject { body, ..SUBJECT }, &mut rng).is_empty(), strikes, "{when:?} {body}");
        }
    }

    #[test]
    fn nth_and_count_bound_the_strikes() {
        assert_eq!(strikes(Matcher::default().nth(3), 5), [3]);
        assert_eq!(strikes(Matcher::default().times(2), 5), [1, 2]);
    }

    #[test]
    fn chance_is_reproducible_and_neither_never_nor_always() {
        let when = || Matcher { probability: Some(0.5), ..Matcher::default() };
        let struck = strikes(when(), 100);
        assert_eq!(struck, strikes(when(), 100));
        assert!((20..80).contains(&struck.len()), "{}", struck.len());
    }

    #[test]
    fn faults_are_written_as_small_documents() {
        let text = r#"{"when":{"route":"oauth.token","count":1},"effect":{"kind":"delay","ms":50,"moment":"after"}}"#;
        let fault: Fault = serde_json::from_str(text).unwrap();
        assert_eq!(fault.effect, Effect::Delay { ms: 50, moment: Moment::After });
        assert!(serde_json::from_str::<Fault>(r#"{"effect":{"kind":"cut_before"},"wen":{}}"#).is_err());
    }
}
