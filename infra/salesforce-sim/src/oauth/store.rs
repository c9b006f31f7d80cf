//! Everything OAuth remembers: browser sessions, pending authorisations, codes, access tokens, refresh
//! families, approvals. Owns their lives and deaths; refuses to know HTTP and record data.

mod tokens;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use rand::{Rng, rngs::StdRng};
use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::seed::AppSeed;

/// Life of an authorization code. Source: Salesforce help, "OAuth 2.0 Web Server Flow".
const CODE_LIFE: SignedDuration = SignedDuration::from_mins(15);
/// Life of an access token that is not used, where the app names none: the default session time-out.
const SESSION_SECONDS: u64 = 2 * 60 * 60;
/// Live refresh tokens per user and app; one more kills the oldest.
const MAX_FAMILIES: usize = 5;
/// Pending things kept before the oldest are forgotten.
const MAX_PENDING: usize = 4096;

/// An authorisation under way in a browser.
#[derive(Clone, Debug)]
pub struct Pending {
    /// App.
    pub client_id: String,
    /// Where the answer goes, already checked.
    pub redirect_uri: String,
    /// Echoed.
    pub state: Option<String>,
    /// Granted if approved.
    pub scopes: Vec<String>,
    /// PKCE S256 challenge.
    pub challenge: Option<String>,
    /// Repeated in the ID token.
    pub nonce: Option<String>,
    /// Shown in the login form.
    pub login_hint: String,
    /// The approval page is shown even if the user approved before.
    pub ask_again: bool,
    /// When it began.
    pub since: Timestamp,
}

/// An authorization code.
#[derive(Clone, Debug)]
pub struct Code {
    /// App.
    pub client_id: String,
    /// Must come again with the code.
    pub redirect_uri: String,
    /// Who approved.
    pub user: Id,
    /// What was approved.
    pub scopes: Vec<String>,
    /// PKCE S256 challenge.
    pub challenge: Option<String>,
    /// Repeated in the ID token.
    pub nonce: Option<String>,
    issued: Timestamp,
    used: bool,
}

/// What an access token stands for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// User.
    pub user: Id,
    /// App.
    pub client_id: String,
    /// Scopes.
    pub scopes: Vec<String>,
    /// When it was issued.
    pub issued: Timestamp,
    /// When it dies unless used before.
    pub expires: Timestamp,
    family: Option<u64>,
    seconds: u64,
}

/// One authorisation with refresh: all refresh tokens that follow from it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Family {
    /// User.
    pub user: Id,
    /// App.
    pub client_id: String,
    /// Scopes.
    pub scopes: Vec<String>,
    current: String,
    used: Timestamp,
    idle_seconds: Option<u64>,
    dead: bool,
}

/// Apps, approvals and tokens: what of the store outlives a restart.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grants {
    apps: Vec<AppSeed>,
    access: BTreeMap<String, Access>,
    refresh: BTreeMap<String, u64>,
    families: BTreeMap<u64, Family>,
    approvals: BTreeSet<(Id, String)>,
}

/// A code or refresh token that is no good, in the server's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dead(pub &'static str);

/// Access and refresh token just issued.
#[derive(Clone, Debug)]
pub struct Issued {
    /// Access token.
    pub access: String,
    /// Refresh token, where one is handed out.
    pub refresh: Option<String>,
}

/// The store.
#[derive(Debug)]
pub struct Store {
    apps: Vec<AppSeed>,
    organization: String,
    rng: StdRng,
    browsers: HashMap<String, Id>,
    pending: HashMap<String, Pending>,
    codes: HashMap<String, Code>,
    access: HashMap<String, Access>,
    refresh: HashMap<String, u64>,
    families: BTreeMap<u64, Family>,
    approvals: HashSet<(Id, String)>,
    pub(super) devices: super::device::Devices,
}

impl Store {
    /// A store for these apps in the org with this id.
    pub fn new(apps: Vec<AppSeed>, organization: Id, rng: StdRng) -> Store {
        Store {
            apps,
            organization: organization.short().to_owned(),
            rng,
            browsers: HashMap::new(),
            pending: HashMap::new(),
            codes: HashMap::new(),
            access: HashMap::new(),
            refresh: HashMap::new(),
            families: BTreeMap::new(),
            approvals: HashSet::new(),
            devices: super::device::Devices::default(),
        }
    }

    /// What outlives a restart.
    pub fn grants(&self) -> Grants {
        Grants {
            apps: self.apps.clone(),
            access: self.access.iter().map(|(token, access)| (token.clone(), access.clone())).collect(),
            refresh: self.refresh.iter().map(|(token, family)| (token.clone(), *family)).collect(),
            families: self.families.clone(),
            approvals: self.approvals.iter().cloned().collect(),
        }
    }

    /// A store with the grants of an earlier one.
    pub fn restore(grants: Grants, organization: Id, rng: StdRng) -> Store {
        Store {
            access: grants.access.into_iter().collect(),
            refresh: grants.refresh.into_iter().collect(),
            families: grants.families,
            approvals: grants.approvals.into_iter().collect(),
            ..Store::new(grants.apps, organization, rng)
        }
    }

    /// Adds an app, or puts it in the place of the one with its consumer key.
    pub fn register(&mut self, app: AppSeed) {
        self.apps.retain(|own| own.client_id != app.client_id);
        self.apps.push(app);
    }

    /// All apps.
    pub fn apps(&self) -> &[AppSeed] {
        &self.apps
    }

    /// The app with this consumer key.
    pub fn app(&self, client_id: &str) -> Option<&AppSeed> {
        self.apps.iter().find(|app| app.client_id == client_id)
    }

    /// The same, if the sign-in servers know it already.
    pub fn known_app(&self, client_id: &str, now: Timestamp) -> Option<&AppSeed> {
        self.app(client_id).filter(|app| app.known_from.is_none_or(|from| from <= now))
    }

    /// The app with this consumer key, to change.
    pub fn app_mut(&mut self, client_id: &str) -> Option<&mut AppSeed> {
        self.apps.iter_mut().find(|app| app.client_id == client_id)
    }

    /// Random text of `length` letters and digits.
    pub fn random(&mut self, length: usize) -> String {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        (0..length).filter_map(|_| LETTERS.get(self.rng.random_range(0..LETTERS.len()))).map(|byte| char::from(*byte)).collect()
    }

    /// Signs a user in and returns the cookie's value.
    pub fn sign_in(&mut self, user: Id) -> String {
        let cookie = self.random(40);
        self.browsers.insert(cookie.clone(), user);
        cookie
    }

    /// Who is signed in under this cookie.
    pub fn browser(&self, cookie: &str) -> Option<Id> {
        self.browsers.get(cookie).copied()
    }

    /// Remembers an authorisation under way and names it.
    pub fn begin(&mut self, pending: Pending) -> String {
        if self.pending.len() >= MAX_PENDING
            && let Some(oldest) = self.pending.iter().min_by_key(|(_, pending)| pending.since).map(|(id, _)| id.clone())
        {
            self.pending.remove(&oldest);
        }
        let id = self.random(32);
        self.pending.insert(id.clone(), pending);
        id
    }

    /// The authorisation of that name.
    pub fn pending(&self, id: &str) -> Option<&Pending> {
        self.pending.get(id)
    }

    /// Ends an authorisation.
    pub fn finish(&mut self, id: &str) -> Option<Pending> {
        self.pending.remove(id)
    }

    /// Whether the user has approved the app before.
    pub fn approved(&self, user: Id, client_id: &str) -> bool {
        self.approvals.contains(&(user, client_id.to_owned()))
    }

    /// Remembers an approval.
    pub fn approve(&mut self, user: Id, client_id: &str) {
        self.approvals.insert((user, client_id.to_owned()));
    }

    /// Issues an authorization code for an approved authorisation.
    pub fn issue_code(&mut self, pending: &Pending, user: Id, now: Timestamp) -> String {
        self.codes.retain(|_, code| now.duration_since(code.issued) < CODE_LIFE + CODE_LIFE);
        // Real codes end with padding, which a client must percent-encode.
        let code = format!("aPrx{}==", self.random(60));
        self.codes.insert(
            code.clone(),
            Code {
                client_id: pending.client_id.clone(),
                redirect_uri: pending.redirect_uri.clone(),
                user,
                scopes: pending.scopes.clone(),
                challenge: pending.challenge.clone(),
                nonce: pending.nonce.clone(),
                issued: now,
                used: false,
            },
        );
        code
    }

    /// Takes a code: the first taker gets it, whatever comes of it.
    ///
    /// # Errors
    /// When the code is unknown, another app's, used or older than 15 minutes.
    pub fn take_code(&mut self, code: &str, client_id: &str, now: Timestamp) -> Result<Code, Dead> {
        let code = self.codes.get_mut(code).filter(|code| code.client_id == client_id).ok_or(Dead("invalid authorization code"))?;
        if code.used || now.duration_since(code.issued) >= CODE_LIFE {
            return Err(Dead("expired authorization code"));
        }
        code.used = true;
        Ok(code.clone())
    }

    /// Lets a code that was taken be taken once more.
    pub fn put_back_code(&mut self, code: &str) {
        if let Some(code) = self.codes.get_mut(code) {
            code.used = false;
        }
    }
}

#[cfg(test)]
mod tests;
