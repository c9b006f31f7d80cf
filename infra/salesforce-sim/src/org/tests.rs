#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod activities;
mod campaigns;
mod crud;
mod custom_objects;
mod lifecycle;
mod places;
mod rights;
mod rules;
mod upserts;

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::clock::ManualClock;
use crate::seed::{CustomField, CustomFieldKind, PicklistEntry, Seed, UserSeed};

/// An org at a fixed instant with two users, and what tests do with it.
struct Bench {
    org: Org,
    clock: ManualClock,
    user: Id,
}

fn text_key(sobject: &str) -> CustomField {
    CustomField {
        sobject: sobject.to_owned(),
        name: "Ext__c".to_owned(),
        kind: CustomFieldKind::Text { length: 64 },
        external_id: true,
        unique: true,
        ..CustomField::default()
    }
}

fn seed() -> Seed {
    let field = |name: &str, kind| CustomField { sobject: "Lead".to_owned(), name: name.to_owned(), kind, ..CustomField::default() };
    let grades = ["Hot", "Warm", "Cold"].map(|text| PicklistEntry::Text(text.to_owned()));
    let mut seed = Seed {
        users: vec![
            UserSeed { time_zone: "Europe/Paris".to_owned(), ..UserSeed::default() },
            UserSeed { username: "gone@org.example".to_owned(), last_name: "Gone".to_owned(), active: false, ..UserSeed::default() },
        ],
        ..Seed::default()
    };
    seed.custom_fields = vec![
        text_key("Lead"),
        text_key("Account"),
        CustomField { external_id: true, ..field("NonU__c", CustomFieldKind::Text { length: 20 }) },
        field("Score__c", CustomFieldKind::Number { precision: 4, scale: 0 }),
        field("Grade__c", CustomFieldKind::Picklist { values: grades.to_vec(), restricted: true }),
    ];
    seed
}

impl Bench {
    fn new() -> Self {
        Self::with(&seed())
    }

    fn with(seed: &Seed) -> Self {
        let clock = ManualClock::new("2026-11-23T08:00:00Z".parse().unwrap());
        let org = Org::from_seed(seed, Arc::new(clock.clone()));
        let org = org.unwrap_or_else(|error| panic!("{error}"));
        let user = org.users().next().unwrap().id;
        Self { org, clock, user }
    }

    fn session(&mut self) -> Session {
        self.org.edit_as(self.user)
    }

    fn create(&mut self, sobject: &str, fields: Value) -> Result<Id, Vec<ApiError>> {
        let s = self.session();
        self.org.create(&s, sobject, fields.as_object().unwrap())
    }

    fn make(&mut self, sobject: &str, fields: Value) -> Id {
        self.create(sobject, fields).unwrap_or_else(|errors| panic!("{errors:?}"))
    }

    fn lead(&mut self, name: &str) -> Id {
        self.make("Lead", json!({"LastName": name, "Company": "Org"}))
    }

    fn update(&mut self, sobject: &str, id: Id, fields: Value) -> Result<(), Vec<ApiError>> {
        let s = self.session();
        self.org.update(&s, sobject, id.as_str(), fields.as_object().unwrap())
    }

    fn get(&mut self, sobject: &str, id: Id) -> Value {
        let s = self.session();
        self.org.retrieve(&s, sobject, id.as_str(), None).unwrap()
    }

    fn tick(&self, seconds: i64) {
        self.clock.advance(jiff::SignedDuration::from_secs(seconds));
    }
}

fn codes<T>(result: Result<T, Vec<ApiError>>) -> Vec<String> {
    match result {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(|error| error.code.to_string()).collect(),
    }
}
