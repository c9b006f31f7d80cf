//! What an installation holds.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::control::{Fault, Request};

/// The client of the API that an administrator has made.
pub const CLIENT_ID: &str = "1_passerelle";
/// Its secret.
pub const CLIENT_SECRET: &str = "client-secret";
/// The administrator's user name.
pub const USER: &str = "admin";
/// The administrator's password.
pub const PASSWORD: &str = "mautic-password";

/// A contact field, or one of companies.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The name in the API.
    pub alias: String,
    /// The name for people.
    pub label: String,
    /// The type, as `/api/fields` names it.
    pub kind: String,
    /// The group that it is shown in.
    pub group: &'static str,
    /// The value that POST and PUT give to a blank one that they do not name.
    pub default: Option<Value>,
    /// Whether it must have a value.
    pub required: bool,
}

impl Field {
    /// A field of the group `core` without a default.
    #[must_use]
    pub fn new(alias: &str, kind: &str) -> Self {
        Self { alias: alias.to_owned(), label: alias.to_owned(), kind: kind.to_owned(), group: "core", default: None, required: false }
    }
}

/// One reason not to contact somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoNotContact {
    /// `email`, `sms`, …
    pub channel: String,
    /// 1 unsubscribed, 2 bounced, 3 by hand.
    pub reason: i64,
    /// Since when.
    pub date_added: Timestamp,
}

/// A contact, or a company.
#[derive(Debug, Clone, PartialEq)]
pub struct Contact {
    /// Its id.
    pub id: u64,
    /// Its fields by alias; blank ones are not there.
    pub values: BTreeMap<String, Value>,
    /// Its owner, a user by id. The API shows that of a contact, and never that of a company.
    pub owner: Option<u64>,
    /// Its tags.
    pub tags: BTreeSet<String>,
    /// Reasons not to contact.
    pub do_not_contact: Vec<DoNotContact>,
    /// The companies that it belongs to.
    pub companies: BTreeSet<u64>,
    /// When it was made.
    pub date_added: Timestamp,
    /// When it was modified last; nothing before the first edit.
    pub date_modified: Option<Timestamp>,
}

impl Contact {
    pub(crate) fn new(id: u64, now: Timestamp) -> Self {
        Self {
            id,
            values: BTreeMap::new(),
            owner: None,
            tags: BTreeSet::new(),
            do_not_contact: Vec::new(),
            companies: BTreeSet::new(),
            date_added: now,
            date_modified: None,
        }
    }

    /// A field's value; null where it is blank.
    #[must_use]
    pub fn value(&self, alias: &str) -> &Value {
        self.values.get(alias).unwrap_or(&Value::Null)
    }
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Their id.
    pub id: u64,
    /// The name they sign in with.
    pub username: String,
    /// Their address.
    pub email: String,
    /// Whether they may own anything new.
    pub published: bool,
}

impl User {
    /// A published user.
    #[must_use]
    pub fn new(id: u64, username: &str, email: &str) -> Self {
        Self { id, username: username.to_owned(), email: email.to_owned(), published: true }
    }
}

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Its id.
    pub id: u64,
    /// Where it sends.
    pub url: String,
    /// What it is about, with the prefix `mautic.`.
    pub triggers: Vec<String>,
    /// What it signs with.
    pub secret: String,
}

/// What an installation holds.
#[derive(Debug)]
pub struct Store {
    /// Contacts by id.
    pub contacts: BTreeMap<u64, Contact>,
    /// Companies by id.
    pub companies: BTreeMap<u64, Contact>,
    /// Contact fields.
    pub fields: Vec<Field>,
    /// Company fields.
    pub company_fields: Vec<Field>,
    /// Users.
    pub users: Vec<User>,
    /// Webhooks.
    pub hooks: Vec<Hook>,
    /// Access tokens that hold.
    pub tokens: BTreeSet<String>,
    /// `api_enabled`.
    pub api_enabled: bool,
    /// `api_enable_basic_auth`.
    pub basic_enabled: bool,
    /// How many requests it answers at all; `None` = no limit.
    pub requests_left: Option<u32>,
    /// Contacts and companies that the API shows as nobody could read them.
    pub garbled: BTreeSet<u64>,
    /// What is to fail.
    pub faults: Vec<Fault>,
    /// What was asked, the first first.
    pub requests: Vec<Request>,
    next_id: u64,
}

impl Store {
    pub(crate) fn new() -> Self {
        let field = |(alias, kind): (&str, &str)| Field::new(alias, kind);
        let standard = [
            ("title", "lookup"),
            ("firstname", "text"),
            ("lastname", "text"),
            ("company", "text"),
            ("position", "text"),
            ("email", "email"),
            ("mobile", "tel"),
            ("phone", "tel"),
            ("points", "number"),
            ("city", "text"),
            ("country", "country"),
            ("website", "url"),
        ];
        Self {
            contacts: BTreeMap::new(),
            companies: BTreeMap::new(),
            fields: standard.map(field).into(),
            company_fields: [("companyname", "text"), ("companyemail", "email"), ("companycity", "text")].map(field).into(),
            users: vec![User::new(1, USER, "admin@example.com")],
            hooks: Vec::new(),
            tokens: BTreeSet::new(),
            api_enabled: true,
            basic_enabled: true,
            requests_left: None,
            garbled: BTreeSet::new(),
            faults: Vec::new(),
            requests: Vec::new(),
            next_id: 0,
        }
    }

    pub(crate) fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// The contact with an e-mail address.
    #[must_use]
    pub fn by_email(&self, email: &str) -> Option<&Contact> {
        let same = |contact: &&Contact| contact.value("email").as_str().is_some_and(|own| own.eq_ignore_ascii_case(email.trim()));
        self.contacts.values().find(same)
    }

    /// A contact as somebody makes it in Mautic's own pages.
    pub fn add(&mut self, values: &Value, now: Timestamp) -> u64 {
        let id = self.fresh_id();
        let mut contact = Contact::new(id, now);
        contact.values = given(values);
        self.contacts.insert(id, contact);
        id
    }

    /// A change as somebody makes it in Mautic's own pages: what is blank is taken away.
    pub fn edit(&mut self, id: u64, values: &Value, now: Timestamp) {
        let Some(contact) = self.contacts.get_mut(&id) else { return };
        for alias in values.as_object().into_iter().flat_map(|values| values.keys()) {
            contact.values.remove(alias);
        }
        contact.values.extend(given(values));
        contact.date_modified = Some(now);
    }

    /// Adds a reason not to contact, or takes those of the channel away. Answers whether anything changed.
    pub fn set_do_not_contact(&mut self, id: u64, channel: &str, reason: Option<i64>, now: Timestamp) -> bool {
        let Some(contact) = self.contacts.get_mut(&id) else { return false };
        let before = contact.do_not_contact.clone();
        contact.do_not_contact.retain(|entry| entry.channel != channel);
        if let Some(reason) = reason {
            let since = before.iter().find(|entry| entry.channel == channel).map_or(now, |entry| entry.date_added);
            contact.do_not_contact.push(DoNotContact { channel: channel.to_owned(), reason, date_added: since });
        }
        let changed = contact.do_not_contact != before;
        if changed {
            contact.date_modified = Some(now);
        }
        changed
    }

    /// The requests to a path since the last look, as `METHOD path`.
    pub fn take_requests(&mut self) -> Vec<String> {
        std::mem::take(&mut self.requests).into_iter().map(|request| format!("{} {}", request.method, request.path)).collect()
    }
}

pub(crate) fn given(values: &Value) -> BTreeMap<String, Value> {
    let values = values.as_object().into_iter().flatten().filter(|(_, value)| !is_blank(value));
    values.map(|(alias, value)| (alias.clone(), value.clone())).collect()
}

/// Whether a value says nothing.
pub(crate) fn is_blank(value: &Value) -> bool {
    *value == Value::Null || *value == json!("") || *value == json!([])
}
