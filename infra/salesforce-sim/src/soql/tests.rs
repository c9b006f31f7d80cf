#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod answers;
mod errors;
mod indexes;
mod laws;

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::clock::ManualClock;
use crate::id::Id;
use crate::seed::{CustomField, CustomFieldKind, PicklistEntry, QueueSeed, RecordSeed, Seed, UserSeed};

/// An org with some records, and a user who asks.
struct Asker {
    org: Org,
    s: Session,
}

fn custom(name: &str, kind: CustomFieldKind) -> CustomField {
    CustomField { sobject: "Lead".to_owned(), name: name.to_owned(), kind, ..CustomField::default() }
}

fn seed() -> Seed {
    let record = |sobject: &str, label: &str, fields: Value| RecordSeed {
        hidden_from: Vec::new(),
        sobject: sobject.to_owned(),
        fields: fields.as_object().unwrap().clone(),
        label: Some(label.to_owned()),
        by: None,
    };
    let topics = ["A", "B", "C"].map(|text| PicklistEntry::Text(text.to_owned()));
    Seed {
        users: vec![UserSeed {
            username: "ada@org.example".to_owned(),
            locale: "fr_FR".to_owned(),
            time_zone: "Europe/Paris".to_owned(),
            ..UserSeed::default()
        }],
        queues: vec![QueueSeed { name: "Leads".to_owned(), developer_name: "Leads".to_owned(), id: Some("00GD00000000009".to_owned()) }],
        custom_fields: vec![
            CustomField { external_id: true, unique: true, ..custom("Ext__c", CustomFieldKind::Text { length: 64 }) },
            CustomField { external_id: true, unique: true, case_sensitive: true, ..custom("Exact__c", CustomFieldKind::Text { length: 64 }) },
            custom("Topics__c", CustomFieldKind::MultiselectPicklist { values: topics.into(), restricted: false }),
            custom("Score__c", CustomFieldKind::Number { precision: 6, scale: 1 }),
        ],
        records: vec![
            record("Account", "kayo", json!({"Name": "Kayo", "Industry": "Media", "AnnualRevenue": 10})),
            record("Account", "acme", json!({"Name": "Acme", "Industry": "Media", "AnnualRevenue": 5})),
            record("Account", "zeta", json!({"Name": "Zeta", "Industry": "Retail"})),
            record("Contact", "anne", json!({"LastName": "Martin", "FirstName": "Anne", "AccountId": "@kayo", "Email": "anne@kayo.example"})),
            record("Contact", "bob", json!({"LastName": "Bob", "AccountId": "@kayo"})),
            record(
                "Lead",
                "l1",
                json!({"LastName": "Dupont", "Company": "Un", "Email": "D@x.example", "Ext__c": "e1", "Exact__c": "Key",
                "Score__c": 10, "Topics__c": "A;B", "CreatedDate": "2026-11-23T23:30:00Z", "SystemModstamp": "2026-11-24T10:00:00Z"}),
            ),
            record(
                "Lead",
                "l2",
                json!({"LastName": "O'Neil", "Company": "Deux 50%", "Title": "Chef", "Score__c": 2.5,
                "CreatedDate": "2026-11-22T12:00:00Z", "SystemModstamp": "2026-11-23T10:00:00Z", "OwnerId": "00GD00000000009"}),
            ),
            record(
                "Lead",
                "l3",
                json!({"LastName": "éclair", "Company": "Trois", "Email": "e@x.example", "Topics__c": "C",
                "CreatedDate": "2025-03-01T00:00:00Z", "SystemModstamp": "2026-11-22T10:00:00Z", "DoNotCall": true}),
            ),
            record("Lead", "gone", json!({"LastName": "Gone", "Company": "Quatre", "IsDeleted": true, "SystemModstamp": "2026-11-21T10:00:00Z"})),
            record("Campaign", "fair", json!({"Name": "Fair", "StartDate": "2026-11-24"})),
            record("CampaignMember", "m1", json!({"CampaignId": "@fair", "LeadId": "@l1", "Status": "Sent"})),
            record("CampaignMember", "m2", json!({"CampaignId": "@fair", "ContactId": "@anne", "Status": "Sent"})),
            record("Task", "t1", json!({"Subject": "Call", "WhoId": "@l1", "ActivityDate": "2026-11-25"})),
            record("Task", "t2", json!({"Subject": "Mail", "WhoId": "@anne", "ActivityDate": "2026-12-25"})),
        ],
        ..Seed::default()
    }
}

impl Asker {
    fn new() -> Self {
        // In Paris it is the 24th already.
        let clock = ManualClock::new("2026-11-24T10:30:00Z".parse().unwrap());
        let mut org = Org::from_seed(&seed(), Arc::new(clock)).unwrap_or_else(|error| panic!("{error}"));
        let user = org.users().next().unwrap().id;
        let s = org.edit_as(user);
        Self { org, s }
    }

    fn ask(&self, soql: &str) -> Answer {
        self.org.query(&self.s, soql, QueryScope::Live).unwrap_or_else(|error| panic!("{soql}\n{}", error.message))
    }

    fn error(&self, soql: &str) -> ApiError {
        match self.org.query(&self.s, soql, QueryScope::Live) {
            Err(error) => error,
            Ok(answer) => panic!("{soql} is answered: {answer:?}"),
        }
    }

    /// One column of an answer.
    fn column(&self, soql: &str, name: &str) -> Vec<Value> {
        self.ask(soql).records.iter().map(|record| record[name].clone()).collect()
    }

    /// The last names of the leads that fulfil a condition.
    fn leads(&self, condition: &str) -> Vec<String> {
        let soql = format!("SELECT LastName FROM Lead WHERE {condition}");
        let names = self.column(&soql, "LastName");
        names.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    }
}
