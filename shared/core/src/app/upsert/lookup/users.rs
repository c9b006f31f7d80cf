//! Who may own what is created: the collaborators of events, and their substitutes, looked for among the org's users by address.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::Value;

use super::{Asked, Directory, Look, Question, is_searched, queries};
use crate::{
    adapters::{
        salesforce::soql::Row,
        state::{StateError, users::StoredUser},
    },
    app::access::{Access, AccessError},
    domain::{
        config::{Action, ActivityObject, Owner, OwnerFallback},
        engine::Engine,
        event::{Event, normalise_email},
        ids::FieldName,
        mapping::OWNER,
        planner::{Case, User, stated_owners},
    },
    ports::Ports,
};

/// How long a user who is active is taken for that. A refusal says sooner that they no longer are.
const VALID: SignedDuration = SignedDuration::from_hours(24);
/// What users' ids begin with.
const USER: &str = "005";
/// How long somebody is taken for no user: they may be made one at any time, and nothing would say so.
const ABSENT: SignedDuration = SignedDuration::from_mins(15);

impl Directory {
    /// Recalls those who may own something, where the org was asked for them lately.
    pub(super) async fn recall_users(&mut self, ports: Ports<'_>, engine: &Engine, cases: &[Case]) -> Result<(), StateError> {
        let mut emails = owners(engine, cases);
        emails.retain(|email| !self.users_asked.contains(email));
        if emails.is_empty() || self.users_anew {
            return Ok(());
        }
        let now = ports.clock.now();
        for (email, stored) in ports.table.load_users(&engine.document.connection.id, emails).await? {
            let valid = if stored.user.is_some_and(|user| user.active) { VALID } else { ABSENT };
            if now.duration_since(stored.read_at) < valid {
                self.known.users.extend(stored.user.map(|user| (email.clone(), user)));
                self.users_asked.insert(email);
            }
        }
        Ok(())
    }

    /// Keeps who was found, and that others were not.
    pub(super) async fn keep_users(&mut self, ports: Ports<'_>, engine: &Engine) -> Result<(), StateError> {
        for email in std::mem::take(&mut self.users_new) {
            let stored = StoredUser { user: self.known.users.get(&email).copied(), read_at: ports.clock.now() };
            ports.table.save_user(&engine.document.connection.id, &email, &stored).await?;
        }
        Ok(())
    }

    /// Forgets all users, and takes none from the table any more: the org says that one of them is no longer who they were.
    pub fn forget_users(&mut self) {
        self.users_asked.clear();
        self.known.users.clear();
        self.users_anew = true;
    }
}

impl Look<'_> {
    /// Those who own what a run has read by ids: their addresses are what the platform knows them by.
    pub(super) fn owners_of_records(&self, access: &Access<'_>, cases: &[Case]) -> Result<Vec<Asked>, AccessError> {
        if !["Lead", "Contact", "Account"].into_iter().any(|object| self.engine.maps_owner(object)) {
            return Ok(Vec::new());
        }
        let read = cases.iter().filter(|case| case.run.is_some()).flat_map(|case| case.found.read()).filter(|read| read.owner.is_none());
        let ids = read.filter_map(|read| read.values.get(&FieldName::known(OWNER))?.as_str()).filter(|id| id.starts_with(USER));
        let ids: BTreeSet<String> = ids.map(str::to_owned).collect();
        queries(access, Question::Owners, "SELECT Id, Email FROM User WHERE Id", &ids)
    }

    pub(super) fn users(&mut self, access: &Access<'_>, cases: &[Case]) -> Result<Vec<Asked>, AccessError> {
        let mut emails = owners(self.engine, cases);
        emails.retain(|email| !self.directory.users_asked.contains(email));
        let asked = queries(access, Question::Users, "SELECT Id, Email, IsActive FROM User WHERE Email", &emails)?;
        self.directory.users_asked.extend(emails.iter().cloned());
        self.directory.users_new.extend(emails);
        Ok(asked)
    }

    /// Of several users with one address an active one is taken, then the smallest id.
    pub(super) fn take_user(&mut self, row: &Row) {
        let (Some(id), Some(email)) = (row.id("Id"), row.text("Email").map(normalise_email)) else { return };
        let user = User { id, active: row.get("IsActive").and_then(Value::as_bool).unwrap_or(false) };
        let better = self.directory.known.users.get(&email).is_none_or(|known| (!user.active, user.id) < (!known.active, known.id));
        if better {
            self.directory.known.users.insert(email, user);
        }
    }
}

/// Takes in the address of a user who owns what was read.
pub(super) fn take_owner(row: &Row, cases: &mut [Case]) {
    let (Some(id), Some(email)) = (row.text("Id"), row.text("Email")) else { return };
    for read in cases.iter_mut().flat_map(|case| case.found.read_mut()) {
        if read.values.get(&FieldName::known(OWNER)).and_then(Value::as_str) == Some(id) {
            read.owner = Some(email.to_owned());
        }
    }
}

/// The addresses of those who may own what these cases create.
fn owners(engine: &Engine, cases: &[Case]) -> BTreeSet<String> {
    let mut emails: BTreeSet<String> = cases.iter().flat_map(|case| stated_owners(engine, case)).collect();
    if engine.document.people.owner == Owner::Collaborator {
        emails.extend(collaborators(engine, cases));
    }
    if !emails.is_empty() {
        emails.extend(substitutes(engine));
    }
    emails.remove("");
    emails
}

/// The addresses of those who were there when something happened that creates something.
fn collaborators(engine: &Engine, cases: &[Case]) -> BTreeSet<String> {
    let creating = cases.iter().flat_map(|case| case.events.iter().filter(|open| is_searched(case) || adds_activity(engine, &open.event)));
    let emails = creating.filter_map(|open| open.event.collaborator.as_ref()).map(|collaborator| normalise_email(&collaborator.email));
    emails.collect()
}

/// Whether the event may add an activity that somebody owns; its filters are left to the planner.
fn adds_activity(engine: &Engine, event: &Event) -> bool {
    engine.possible_actions(event).any(|(_, _, action)| matches!(action, Action::Activity(activity) if activity.object != ActivityObject::Timeline))
}

/// The addresses of users who own what nobody else does.
fn substitutes(engine: &Engine) -> impl Iterator<Item = String> {
    engine.document.people.owner_fallback.iter().filter_map(|substitute| match substitute {
        OwnerFallback::User(email) => Some(normalise_email(email)),
        _ => None,
    })
}
