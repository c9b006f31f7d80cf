//! The control plane: faults, counters and the levers that a test or a person pulls from outside the
//! Salesforce surface, as a library and under `/__control`.

pub mod counters;
pub mod faults;
mod levers;
mod people;
pub(crate) mod routes;
mod struck;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use serde_json::Value;
use tokio::sync::oneshot;

pub use counters::{Counters, Ending, Entry};
pub use faults::{Effect, Fault, FaultId, FaultState, Matcher, Moment};
pub(crate) use struck::{RecordFault, Struck};

use crate::clock::Clock as _;
use crate::http::headers;
use crate::http::reply::Reply;
use crate::http::request::Call;
use crate::http::route::Route;
use crate::id::Id;
use crate::image::ImageError;
use crate::org::QueryScope;
use crate::seed::{AppSeed, RuleSet, SeedError};
use crate::service::{Shared, StartError};
use counters::Ledger;
use faults::{Faults, Subject};

/// A request whose transaction is held open.
struct Held {
    ticket: u64,
    call: Call,
    route: Route,
    struck: Struck,
    began: Timestamp,
    answer: oneshot::Sender<Reply>,
}

/// Everything the control plane keeps, behind its own lock.
pub(crate) struct Desk {
    faults: Faults,
    ledger: Ledger,
    rng: StdRng,
    held: Vec<Held>,
    tickets: u64,
}

impl Desk {
    pub fn new(rng: StdRng) -> Desk {
        Desk { faults: Faults::default(), ledger: Ledger::default(), rng, held: Vec::new(), tickets: 0 }
    }

    /// Notes the request and lets faults strike it.
    pub fn strike(&mut self, call: &Call, route: &Route) -> Struck {
        let client = headers::client(&call.headers);
        let number = self.ledger.begin(call.method.as_str(), &call.raw_path, route.kind(), client.as_deref());
        let mut struck = Struck { number, ..Struck::default() };
        if self.faults.list().is_empty() {
            return struck;
        }
        let query: Vec<String> = call.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let path = format!("{}?{}", call.raw_path, query.join("&"));
        let body = call.body_text();
        let subject = Subject { route: route.kind(), method: call.method.as_str(), path: &path, body: &body, client: client.as_deref() };
        for effect in self.faults.strike(&subject, &mut self.rng) {
            struck.add(effect, matches!(route, Route::OAuth(_)));
        }
        struck
    }

    pub fn note_answer(&mut self, number: u64, status: u16) {
        self.ledger.end(number, Ending::Answered(status));
    }

    pub fn note_cut(&mut self, number: u64, committed: bool) {
        self.ledger.end(number, if committed { Ending::CutAfter } else { Ending::CutBefore });
    }
}

/// The levers of a test. Clones pull the same ones.
#[derive(Clone)]
pub struct Control {
    shared: Arc<Shared>,
}

impl Control {
    pub(crate) fn new(shared: Arc<Shared>) -> Control {
        Control { shared }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Adds a fault and names it.
    pub fn add_fault(&self, fault: Fault) -> FaultId {
        self.shared.desk().faults.add(fault)
    }

    /// Adds an effect for all requests that match.
    pub fn fault(&self, when: Matcher, effect: Effect) -> FaultId {
        self.add_fault(Fault { when, effect })
    }

    /// Takes a fault away; whether it was there.
    pub fn remove_fault(&self, id: FaultId) -> bool {
        self.shared.desk().faults.remove(id)
    }

    /// Takes all faults away. Held transactions stay held.
    pub fn clear_faults(&self) {
        self.shared.desk().faults.clear();
    }

    /// The faults in force and how often each struck.
    pub fn faults(&self) -> Vec<FaultState> {
        self.shared.desk().faults.list().to_vec()
    }

    /// Counts since the start or the last reset.
    pub fn counters(&self) -> Counters {
        let mut counters = self.shared.desk().ledger.counters();
        let world = self.shared.world();
        counters.api_calls = world.usage.total();
        counters.by_client = world.usage.by_client().clone();
        counters.api_calls_by_route = world.usage.by_route().clone();
        counters
    }

    /// The last requests, oldest first.
    pub fn journal(&self) -> Vec<Entry> {
        self.shared.desk().ledger.journal()
    }

    /// Puts org, tokens, faults, counters and held transactions back to the start.
    ///
    /// # Errors
    /// As when the simulator was built.
    pub fn reset(&self) -> Result<(), StartError> {
        self.shared.reset()
    }

    /// Puts a saved org, as [`crate::Sim::save`] writes it, in the place of this one. Faults and counters stay.
    ///
    /// # Errors
    /// When the text is no saved org; this one then stays as it is.
    pub fn restore(&self, image: &[u8]) -> Result<(), ImageError> {
        self.shared.replace(image)
    }

    /// How many requests were worked on, and how often a test looked at the org itself: after a change of this number
    /// there may be something new to save.
    pub fn worked(&self) -> u64 {
        self.shared.worked()
    }

    /// The apps that may ask for tokens.
    pub fn apps(&self) -> Vec<AppSeed> {
        self.shared.world().oauth.apps().to_vec()
    }

    /// Adds an app, or puts it in the place of the one with its consumer key. Grants stay.
    pub fn register_app(&self, app: AppSeed) {
        self.shared.note_work();
        self.shared.world().oauth.register(app);
    }

    /// Adds rules to those the org has.
    ///
    /// # Errors
    /// When a rule names what the org does not have. The rules before it are in force then.
    pub fn add_rules(&self, rules: &RuleSet) -> Result<(), SeedError> {
        self.shared.note_work();
        self.shared.world().org.add_rules(rules)
    }

    /// Moves the org's time on, from wherever its clock stands.
    pub fn advance(&self, by: SignedDuration) {
        self.shared.clock.advance(by);
    }

    /// Ends all access tokens, so that every client must refresh; how many.
    pub fn expire_access_tokens(&self) -> usize {
        self.shared.world().oauth.expire_access_tokens()
    }

    /// Revokes the refresh tokens of one user, or of all, with their access tokens; how many.
    pub fn revoke_refresh_tokens(&self, user: Option<Id>) -> usize {
        self.shared.world().oauth.revoke_refresh_tokens(user)
    }

    /// Hands out an access token for a user without any flow, for tests of the data API alone.
    /// `None` when there is no such user or app.
    pub fn issue_token(&self, username: &str, client_id: &str) -> Option<String> {
        let now = self.shared.clock.now();
        let mut world = self.shared.world();
        let user = world.org.user_by_name(username)?.id;
        let app = world.oauth.app(client_id)?.clone();
        let scopes = ["api", "id", "openid"].map(str::to_owned);
        Some(world.oauth.issue(&app, user, &scopes, false, now).access)
    }

    /// Moves the org to another instance host: new token answers name it, sessions on the old one are dead.
    pub fn move_instance(&self, url: &str) {
        let mut world = self.shared.world();
        let old = std::mem::replace(&mut world.instance_url, url.trim_end_matches('/').to_owned());
        world.retired.push(old);
        let new = world.instance_url.clone();
        world.org.set_instance_url(&new);
    }

    /// Sets the number of API calls used today.
    pub fn set_api_usage(&self, used: u64) {
        let now = self.shared.clock.now();
        self.shared.world().usage.set(used, now);
    }

    /// Ages all open query cursors beyond their life, so that every `nextRecordsUrl` is refused.
    pub fn expire_cursors(&self) {
        self.shared.world().cursors.clear();
    }

    /// Holds a request's transaction open; the answer comes with [`Control::commit_held`].
    pub(crate) fn hold(&self, call: Call, route: Route, struck: Struck, began: Timestamp) -> oneshot::Receiver<Reply> {
        let (answer, receiver) = oneshot::channel();
        let ticket = {
            let mut desk = self.shared.desk();
            desk.tickets += 1;
            let ticket = desk.tickets;
            desk.held.push(Held { ticket, call, route, struck, began, answer });
            ticket
        };
        self.shared.world().open.insert(ticket, began);
        receiver
    }

    /// How many transactions are held open.
    pub fn held(&self) -> usize {
        self.shared.desk().held.len()
    }

    /// Commits all held transactions in the order of their arrival: their rows carry the stamps of their arrival
    /// and become visible now. Answers the statuses, also of those nobody waits for.
    pub fn commit_held(&self) -> Vec<u16> {
        let held = std::mem::take(&mut self.shared.desk().held);
        held.into_iter()
            .map(|held| {
                let reply = self.shared.process(&held.call, &held.route, &held.struck, held.began);
                self.shared.world().open.remove(&held.ticket);
                let status = reply.status;
                let _ = held.answer.send(reply);
                status
            })
            .collect()
    }

    /// All records of an object with the fields that the first user sees, deleted ones included where asked; sharing and
    /// late indexes hide nothing.
    ///
    /// # Errors
    /// The org's error, when there is no such object.
    pub fn records(&self, sobject: &str, scope: QueryScope) -> Result<Vec<Value>, crate::error::ApiError> {
        let mut world = self.shared.world();
        let user = world.org.users().next().map(|user| user.id);
        let user = user.ok_or_else(crate::error::ApiError::not_found)?;
        let session = world.org.edit_as(user);
        world.org.all(&session, sobject, scope)
    }
}
