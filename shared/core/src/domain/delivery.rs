//! What the platform is told of a person, or a company, whom Salesforce has changed. One delivery is one request to its webhook.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    company,
    event::id_text,
    ids::{ObjectName, RecordId},
    person::Person,
};

/// One message to the platform. Its JSON is the body of the request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its id, the same with every try; visible ASCII without a full stop, as `Ids::fresh` makes them. The platform takes each id once.
    pub id: String,
    /// What has happened.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// When it happened in Salesforce.
    pub occurred_at: Timestamp,
    /// Whom it is about.
    #[serde(flatten)]
    pub subject: Subject,
    /// The record that tells of it; after a merge or a conversion the one that is left.
    pub salesforce: SalesforceRecord,
    /// The values that they have from now on, by the attribute's path, for example `person.job_title`; null was taken away.
    pub changes: BTreeMap<String, Value>,
}

/// What has happened to them in Salesforce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Values are others.
    #[serde(rename = "person.updated")]
    Updated,
    /// The record was deleted.
    #[serde(rename = "person.deleted")]
    Deleted,
    /// The record is another: it was merged or converted into the one that is named.
    #[serde(rename = "person.merged")]
    Merged,
    /// Values of a company are others.
    #[serde(rename = "company.updated")]
    CompanyUpdated,
    /// Its account was deleted.
    #[serde(rename = "company.deleted")]
    CompanyDeleted,
    /// Its account is another: it was merged into the one that is named.
    #[serde(rename = "company.merged")]
    CompanyMerged,
}

impl Kind {
    /// The same of a company.
    #[must_use]
    pub const fn of_company(self) -> Self {
        match self {
            Self::Updated | Self::CompanyUpdated => Self::CompanyUpdated,
            Self::Deleted | Self::CompanyDeleted => Self::CompanyDeleted,
            Self::Merged | Self::CompanyMerged => Self::CompanyMerged,
        }
    }
}

/// Whom a delivery is about: a member of that name in its JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A person.
    Person(About),
    /// A company.
    Company(AboutCompany),
}

impl Subject {
    /// Somebody as they are known.
    #[must_use]
    pub fn of(person: &Person) -> Self {
        if person.is_company() {
            let id = person.value(company::ID).and_then(id_text);
            return Self::Company(AboutCompany { ids: id.into_iter().collect(), name: person.company_name().map(str::to_owned) });
        }
        Self::Person(About::of(person))
    }
}

/// Which company a delivery is about, as the platform knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AboutCompany {
    /// The platform's own ids of the company, as far as they are known.
    pub ids: Vec<String>,
    /// The name, as stated last.
    pub name: Option<String>,
}

/// Which person a delivery is about, as the platform knows them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The platform's own ids of the person, as far as they are known; none for somebody whom it has never named.
    pub ids: Vec<String>,
    /// The e-mail address, as stated last.
    pub email: Option<String>,
}

/// A record of the org.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalesforceRecord {
    /// Its object, for example `Lead`.
    pub object: ObjectName,
    /// Its id, in 18 characters.
    pub id: RecordId,
    /// When the person was compared with it last: the moment in which this was found.
    pub synced_at: Timestamp,
}

impl Delivery {
    /// The bytes that are signed and sent, as text.
    ///
    /// # Errors
    /// Never, with what a delivery holds.
    pub fn body(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

impl About {
    /// A person: the platform's id that was stated last, and the address. Of ids before it only hashes are kept.
    #[must_use]
    pub fn of(person: &Person) -> Self {
        let id = person.value("person.id").and_then(id_text);
        Self { ids: id.into_iter().collect(), email: person.email().map(str::to_owned) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::{event::read_events, ids::PersonKey};

    fn delivery(kind: Kind, person: About, changes: Value) -> Delivery {
        Delivery {
            id: "0197a0c3".to_owned(),
            kind,
            occurred_at: "2026-09-01T08:00:00Z".parse().unwrap(),
            subject: Subject::Person(person),
            salesforce: SalesforceRecord {
                object: ObjectName::parse("Lead").unwrap(),
                id: RecordId::parse("00Q5g00000AbCdE").unwrap(),
                synced_at: "2026-09-01T08:05:00Z".parse().unwrap(),
            },
            changes: serde_json::from_value(changes).unwrap(),
        }
    }

    #[test]
    fn the_body_has_every_member_whatever_is_known() {
        let record = json!({"object": "Lead", "id": RecordId::parse("00Q5g00000AbCdE").unwrap().to_string(), "synced_at": "2026-09-01T08:05:00Z"});
        for (kind, name, person, changes) in [
            (Kind::Updated, "person.updated", json!({"ids": ["p-5"], "email": "ada@example.org"}), json!({"person.job": "CTO", "person.fax": null})),
            (Kind::Deleted, "person.deleted", json!({"ids": [], "email": null}), json!({})),
            (Kind::Merged, "person.merged", json!({"ids": ["p-5", "p-6"], "email": null}), json!({"person.score": 3})),
        ] {
            let delivery = delivery(kind, serde_json::from_value(person.clone()).unwrap(), changes.clone());
            let body = delivery.body().unwrap();
            let want = json!({"id": "0197a0c3", "type": name, "occurred_at": "2026-09-01T08:00:00Z", "person": person, "salesforce": record,
                              "changes": changes});
            assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), want);
            assert_eq!(serde_json::from_str::<Delivery>(&body).unwrap(), delivery, "{name} is read back");
            assert_eq!(delivery.body().unwrap(), body, "the same bytes each time");
        }
    }

    #[test]
    fn a_company_is_told_of_under_its_own_name() {
        let mut company = Person::new_company(PersonKey::parse("c").unwrap());
        for (path, value) in [("company.id", json!(7)), ("company.name", json!("ACME"))] {
            company.take(path.to_owned(), value, "2026-09-01T08:00:00Z".parse().unwrap());
        }
        let told =
            Delivery { subject: Subject::of(&company), ..delivery(Kind::Merged.of_company(), About::default(), json!({"company.city": "Lyon"})) };
        let body: Value = serde_json::from_str(&told.body().unwrap()).unwrap();
        let want = [("type", Some(json!("company.merged"))), ("company", Some(json!({"ids": ["7"], "name": "ACME"}))), ("person", None)];
        want.iter().for_each(|(member, value)| assert_eq!(body.get(member), value.as_ref(), "{member}"));
        assert_eq!(serde_json::from_value::<Delivery>(body).unwrap(), told);
    }

    #[test]
    fn a_person_is_named_as_the_platform_knows_them() {
        for (stated, ids, email) in [
            (json!({"id": "p-5", "email": "ada@example.org"}), vec!["p-5"], Some("ada@example.org")),
            (json!({"id": 17}), vec!["17"], None),
            (json!({"email": "ada@example.org"}), vec![], Some("ada@example.org")),
        ] {
            let body = json!({"id": "e", "type": "t", "occurred_at": "2026-01-01T10:00:00Z", "person": stated});
            let event = read_events(body).unwrap().remove(0);
            let mut person = Person::new(PersonKey::parse("p").unwrap());
            person.fold(&event, &event.context("P", None), std::iter::empty(), |_| false);
            let about = About::of(&person);
            assert_eq!((about.ids.iter().map(String::as_str).collect(), about.email.as_deref()), (ids, email), "{stated}");
        }
    }
}
