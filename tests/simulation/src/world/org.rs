//! The tenants' orgs, and the line to them.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use fastrand::Rng;
use http::{Request, Response};
use jiff::{SignedDuration, Timestamp};
use passerelle_core::ports::{BoxFuture, Transport, TransportError};
use salesforce_sim::{Effect, Matcher, Options, Seed, Sim, org::QueryScope};
use serde_json::Value;

use super::{By, Skewed, Time, Who, World, platform::HOOKS, process::Life};
use crate::{
    colleague,
    fault::{Fault, Rates},
    history::{PEOPLE, TENANTS, last_names, whose},
};

/// Where browsers reach the installation.
pub const PUBLIC: &str = "https://passerelle.example";

/// A code that no list has.
pub const UNKNOWN: &str = "SIMULATED_NOVELTY";

/// One tenant's org.
pub struct OrgAt {
    /// The connection's id, which every value of the tenant carries.
    pub tenant: &'static str,
    /// The org.
    pub sim: Sim,
    /// Its clock.
    pub clock: Skewed,
    /// For how long its queries do not find what was just made.
    lag: SignedDuration,
}

impl OrgAt {
    /// Builds an org.
    pub fn new(time: Time, tenant: &'static str, seed: Seed, skew: SignedDuration, rng_seed: u64) -> anyhow::Result<Self> {
        let (clock, lag) = (Skewed { time, skew }, SignedDuration::from_secs(seed.doubts.index_lag_seconds.into()));
        let options = Options { clock: Arc::new(clock), login_url: login(tenant), instance_url: instance(tenant), rng_seed };
        Ok(Self { tenant, sim: Sim::new(seed, options)?, clock, lag })
    }

    /// Whose records a call names, by an id or by a last name.
    fn named(&self, body: &str) -> Vec<Who> {
        let text = |record: &Value, field: &str| record[field].as_str().unwrap_or_default().to_owned();
        let records = ["Lead", "Contact"].into_iter().flat_map(|object| self.sim.control().records(object, QueryScope::All).unwrap_or_default());
        let by_id = records.filter(|record| body.contains(&text(record, "Id"))).filter_map(|record| whose(&text(&record, "LastName")));
        let tenant = TENANTS.iter().position(|tenant| *tenant == self.tenant).unwrap_or_default();
        let by_name = (0..PEOPLE).filter(|person| body.contains(&last_names(tenant, *person))).map(|person| (tenant, person));
        by_id.map(|(tenant, person, _)| (tenant, person)).chain(by_name).collect()
    }

    /// Whether its queries miss something now, because it was just made.
    fn lags(&self) -> bool {
        let since = self.clock.time.now(self.clock.skew) - self.lag;
        let is_new = |record: Value| record["CreatedDate"].as_str().and_then(|at| at.parse::<Timestamp>().ok()).is_some_and(|at| at > since);
        let has_new = |object| self.sim.control().records(object, QueryScope::Live).unwrap_or_default().into_iter().any(is_new);
        !self.lag.is_zero() && ["Lead", "Contact", "Event"].into_iter().any(has_new)
    }

    /// Faults strike from now on.
    pub fn light(&self, rates: &Rates) {
        for (fault, effect) in effects() {
            let rate = rates.of(fault);
            if rate > 0.0 {
                self.sim.control().fault(Matcher { probability: Some(rate), ..matcher(fault) }, effect);
            }
        }
    }

    /// Every write about a person is refused from now on: somebody has their record open.
    pub fn lock(&self, last_names: &str) {
        let lock = locked(None, last_names, OPEN);
        self.sim.control().fault(Matcher::route("composite*"), lock);
    }

    /// The next write of a record is refused: somebody has it open.
    pub fn refuse_once(&self, id: &str) {
        let next = Matcher { body_contains: Some(id.to_owned()), count: Some(1), ..Matcher::route("composite*") };
        self.sim.control().fault(next, locked(None, id, "unable to obtain exclusive access to this record for a moment"));
    }

    /// Everything works again. Answers how often each fault of whole calls struck; those of records, and answers that are lost, are
    /// counted by their effects.
    pub fn heal(&self) -> Vec<(Fault, u64)> {
        let kinds = effects();
        let fired = self.sim.control().faults().into_iter().filter_map(|state| {
            let (fault, _) = kinds.iter().find(|(_, effect)| *effect == state.fault.effect)?;
            let by_effect = *fault == Fault::CutAfter || REFUSALS.iter().any(|(_, of)| of == fault);
            (!by_effect).then_some((*fault, state.fired))
        });
        let fired = fired.collect();
        self.sim.control().clear_faults();
        fired
    }
}

/// The address of a tenant's login host.
#[must_use]
pub fn login(tenant: &str) -> String {
    format!("https://{tenant}.login.salesforce.com")
}

/// The address of a tenant's org.
#[must_use]
pub fn instance(tenant: &str) -> String {
    format!("https://{tenant}.my.salesforce.com")
}

fn matcher(fault: Fault) -> Matcher {
    // A token is not made of parts, and a late commit is one of records.
    match fault {
        Fault::Lock | Fault::Partial | Fault::Unknown | Fault::LateCommit => Matcher::route("composite*"),
        Fault::Expired => Matcher { path_contains: Some("/services/data/".to_owned()), ..Matcher::default() },
        _ => Matcher::default(),
    }
}

/// So long after an edit in the moment of a write nobody makes another one in such a moment.
const SECOND_EDIT: Duration = Duration::from_secs(10);

/// Parts of messages that tell which fault has refused a record.
const REFUSALS: [(&str, Fault); 4] = [(LOCKED, Fault::Lock), (OPEN, Fault::Stuck), (SEVERAL, Fault::Partial), (UNKNOWN, Fault::Unknown)];
const LOCKED: &str = "unable to obtain exclusive access to this record or 1 records";
const OPEN: &str = "unable to obtain exclusive access to a record that somebody has open";
const SEVERAL: &str = "unable to obtain exclusive access to one of several records";

fn locked(sobject: Option<&str>, contains: &str, message: &str) -> Effect {
    let (sobject, contains) = (sobject.map(str::to_owned), Some(contains.to_owned()));
    Effect::RecordError { sobject, contains, status: 400, code: "UNABLE_TO_LOCK_ROW".to_owned(), message: message.to_owned() }
}

/// What each fault of Salesforce does.
fn effects() -> Vec<(Fault, Effect)> {
    let status =
        |status, code: &str, retry_after| Effect::Status { status, code: code.to_owned(), message: "Try again later.".to_owned(), retry_after };
    vec![
        (Fault::CutBefore, Effect::CutBefore),
        (Fault::CutAfter, Effect::CutAfter),
        (Fault::Slow, Effect::Delay { ms: 90_000, moment: salesforce_sim::Moment::After }),
        (Fault::Unavailable, status(503, "SERVER_UNAVAILABLE", None)),
        (Fault::TooMany, status(429, "TOO_MANY_REQUESTS", Some(5))),
        (Fault::Html, Effect::Html { status: 502 }),
        (Fault::Lock, locked(None, "1", LOCKED)),
        (Fault::Quota, Effect::Quota),
        (Fault::Partial, locked(Some("Lead"), "3", SEVERAL)),
        (
            Fault::Unknown,
            Effect::RecordError {
                sobject: None,
                contains: Some("2".to_owned()),
                status: 400,
                code: UNKNOWN.to_owned(),
                message: "Something that Salesforce has not had before.".to_owned(),
            },
        ),
        (Fault::Expired, Effect::ExpireToken),
        (Fault::LateCommit, Effect::Hold { cut: true }),
    ]
}

/// A process's line to the orgs.
#[derive(Debug)]
pub struct Line {
    world: Arc<World>,
    life: Arc<Life>,
}

impl Line {
    pub(super) fn new(world: &Arc<World>, life: &Arc<Life>) -> Self {
        Self { world: Arc::clone(world), life: Arc::clone(life) }
    }

    /// Somebody edits a record that this call is about to write.
    fn interfere(&self, org: &OrgAt, people: &[Who], call: &str) {
        let (world, now) = (&self.world, self.world.time.passed());
        let mut rng = world.chance(Rng::fork);
        // A second edit, before the first one is put back, is covered: nothing is read for what puts it back.
        let is_late = |who: &&Who| world.state().interfered.get(who).is_none_or(|at| now.saturating_sub(*at) > SECOND_EDIT);
        let people: Vec<Who> = people.iter().filter(is_late).copied().collect();
        let Some((who, field, edit)) = colleague::interfere(org, &people, call, &mut rng) else { return };
        world.note(format_args!("in {}: {field} of {who:?} is made {} before the call of {}", org.tenant, edit.value, self.life));
        world.count(Fault::Meanwhile);
        let mut state = world.state();
        state.interfered.insert(who, now);
        state.meanwhile.push((who, field, edit));
        drop(state);
        world.watch(org, By::Colleagues);
    }

    async fn exchange(&self, request: Request<Bytes>, timeout: Duration) -> Result<Response<Bytes>, TransportError> {
        let (world, host) = (&self.world, request.uri().host().unwrap_or_default().to_owned());
        let path = request.uri().path().to_owned();
        let what = format!("{} {} {path}", self.life, request.method());
        world.before(&self.life).await;
        if host == HOOKS {
            let answer = world.hook(&request, &self.life).await;
            world.note(format_args!("{what} at {host}: {}", answer.as_ref().map_or_else(ToString::to_string, |answer| answer.status().to_string())));
            world.after(&self.life).await;
            return answer;
        }
        let lost = |host: &str, cause: &str| TransportError::MaybeSent { host: host.to_owned(), source: cause.into() };
        let org = world.orgs.iter().find(|org| host.starts_with(&format!("{}.", org.tenant)));
        let org = match org {
            Some(org) if !world.strikes_at(&self.life, Fault::Unreachable) => org,
            _ => {
                world.note(format_args!("{what} at {host}: not reached"));
                return Err(TransportError::NotSent { host, source: "not reached".into() });
            }
        };
        let token = path.ends_with("/oauth2/token");
        let unstored = token && world.grant_asked(org, &self.life);
        if let Some(authorization) = request.headers().get(http::header::AUTHORIZATION) {
            world.grant_used(org, &self.life, authorization.to_str().unwrap_or_default());
        }
        let writes = token || [r#""POST""#, r#""PATCH""#].iter().any(|method| String::from_utf8_lossy(request.body()).contains(method));
        let asks = path.starts_with("/services/data/");
        let people = if writes && !token { org.named(&String::from_utf8_lossy(request.body())) } else { Vec::new() };
        world.writes(&people, &self.life);
        if !people.is_empty() && !self.life.is_spared() && world.draws(Fault::Meanwhile) {
            self.interfere(org, &people, &String::from_utf8_lossy(request.body()));
        }
        let looks = asks && String::from_utf8_lossy(request.body()).contains("SELECT");
        let lags = looks && !self.life.is_spared() && org.lags();
        for (fault, strikes) in [(Fault::OrgIndexLag, lags), (Fault::SkewOrg, asks && !org.clock.skew.is_zero())] {
            world.state().counts.add(fault, u64::from(strikes));
        }
        let (mut there, back) = world.chance(|rng| (rng.u64(20..200), rng.u64(5..50)));
        // An org that takes its time has whoever is short of it stop before the next call.
        if self.life.is_short_of_time() {
            there += world.chance(|rng| rng.u64(0..20_000));
        }
        let work = async {
            tokio::time::sleep(Duration::from_millis(there)).await;
            let answer = org.sim.call(request).await;
            tokio::time::sleep(Duration::from_millis(back)).await;
            answer
        };
        let mut may_have_written = false;
        let answer = match tokio::time::timeout(timeout, work).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(cut)) => {
                may_have_written = cut.committed || org.sim.control().held() > 0;
                world.state().counts.add(Fault::CutAfter, u64::from(cut.committed && writes));
                Err(lost(&host, &cut.to_string()))
            }
            Err(_) => {
                may_have_written = true;
                Err(lost(&host, "no answer in time"))
            }
        };
        if let Ok(answer) = &answer {
            let text = String::from_utf8_lossy(answer.body());
            let done = |fault: &Fault| *fault != Fault::Partial || text.contains(r#""success":true"#);
            REFUSALS.iter().filter(|(mark, fault)| text.contains(mark) && done(fault)).for_each(|(_, fault)| world.count(*fault));
        }
        if asks {
            world.calls(org, &self.life);
        }
        world.date_calls(org);
        let how = answer.as_ref().map_or_else(ToString::to_string, |answer| answer.status().to_string());
        world.note(format_args!("{what} at {host}: {how}"));
        match &answer {
            // Every app gives a new refresh token with each refresh.
            Ok(answer) if token && answer.status().is_success() => {
                world.state().counts.add(Fault::Rotated, u64::from(!self.life.is_spared()));
                world.grant_answered(org, &self.life, answer.body());
            }
            Ok(answer) if token && answer.status().is_client_error() && !unstored => world.grant_stored(org.tenant, &self.life),
            Ok(answer) if answer.status().is_success() => {}
            // Whoever has not heard looks before the next try, and may try at once.
            _ => {
                let mut state = world.state();
                *state.cut.entry(org.tenant.to_owned()).or_default() += 1;
                state.doubted.extend(people.iter().copied());
                // Functions do not know what such a call has done; that is their affair where it has done nothing.
                if may_have_written {
                    state.unnoted.extend(people);
                }
            }
        }
        world.watch(org, By::Us);
        world.after(&self.life).await;
        answer
    }
}

impl Transport for Line {
    fn send(&self, request: Request<Bytes>, timeout: Duration) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        Box::pin(self.exchange(request, timeout))
    }
}
