//! What a delivery says, in the words of Mautic's API.
//!
//! Source: Mautic 5, `LeadBundle/Controller/Api/{LeadApiController,CompanyApiController,CustomFieldsApiControllerTrait}.php`.

use serde_json::{Map, Value, json};

use super::{DO_NOT_CONTACT, EMAIL, OWNER, company::NAME_FIELD};
use crate::domain::{
    config::RecordFields,
    delivery::{About, AboutCompany, Delivery, Subject},
};

/// Attributes that Mautic keeps itself, or that a flat value cannot say.
pub(super) const KEPT: [&str; 4] = ["id", "dateAdded", "dateModified", "tags"];

/// What a change is written into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// A contact.
    Contact,
    /// A company.
    Company,
}

/// What is to be written of one contact, or of one company.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Which of the two.
    pub whose: Whose,
    /// The contact or the company, where it is known.
    pub id: Option<u64>,
    /// The person's address, by which an unknown contact is made or found.
    pub email: Option<String>,
    /// Fields by alias. A blank text takes a value away.
    pub fields: Map<String, Value>,
    /// Whether it is to get no e-mails from now on, where that has changed.
    pub opt_out: Option<bool>,
    /// The address of its owner, where that has changed; `Some(None)` = nobody.
    pub owner: Option<Option<String>>,
}

impl Change {
    /// What a delivery changes; attributes of anything else than whom it is about are not theirs. The fields that tell of the Salesforce record
    /// of a contact, or of a company, go along where it is known; they alone make nobody.
    #[must_use]
    pub fn of(delivery: &Delivery, contact: &RecordFields, company: &RecordFields) -> Self {
        let (mut change, record) = match &delivery.subject {
            Subject::Person(about) => (Self::of_contact(delivery, about), contact),
            Subject::Company(about) => (Self::of_company(delivery, about), company),
        };
        if change.id.is_some() || !change.is_empty() {
            change.fields.extend(record.named().map(|(place, alias)| (alias.to_owned(), told(delivery, place))));
        }
        change
    }

    fn of_contact(delivery: &Delivery, about: &About) -> Self {
        let mut change = Self::none(Whose::Contact, &about.ids, about.email.clone());
        for (path, value) in &delivery.changes {
            match path.strip_prefix("person.") {
                None => {}
                Some(name) if KEPT.contains(&name) => {}
                Some(DO_NOT_CONTACT) => change.opt_out = Some(value.as_bool().unwrap_or(false)),
                Some(OWNER) => change.owner = Some(value.as_str().map(str::to_owned)),
                Some(alias) => _ = change.fields.insert(alias.to_owned(), written(value)),
            }
        }
        change
    }

    fn of_company(delivery: &Delivery, about: &AboutCompany) -> Self {
        let mut change = Self::none(Whose::Company, &about.ids, None);
        for (path, value) in &delivery.changes {
            match path.strip_prefix("company.") {
                None | Some("id") => {}
                Some(OWNER) => change.owner = Some(value.as_str().map(str::to_owned)),
                Some("name") => _ = change.fields.insert(NAME_FIELD.to_owned(), written(value)),
                Some(alias) => _ = change.fields.insert(alias.to_owned(), written(value)),
            }
        }
        change
    }

    fn none(whose: Whose, ids: &[String], email: Option<String>) -> Self {
        let id = ids.first().and_then(|id| id.parse().ok());
        Self { whose, id, email, fields: Map::new(), opt_out: None, owner: None }
    }

    /// A change of nothing.
    #[must_use]
    pub fn nothing() -> Self {
        Self::none(Whose::Contact, &[], None)
    }

    /// Whether there is anything to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.opt_out.is_none() && self.owner.is_none()
    }

    /// The address that the contact gets, where that has changed.
    #[must_use]
    pub fn new_email(&self) -> Option<&str> {
        self.fields.get(EMAIL)?.as_str().filter(|email| !email.is_empty())
    }

    /// Whether PATCH and POST would drop one of the values: of contacts they take every number whose whole part is 0 for nothing.
    #[must_use]
    pub fn has_zero(&self) -> bool {
        self.whose == Whose::Contact && self.fields.values().any(is_zero)
    }

    /// The fields for PATCH, with the id where there is one. Blanks always go over a company's values.
    #[must_use]
    pub fn patch(&self) -> Map<String, Value> {
        let mut body = self.fields.clone();
        body.extend(self.id.map(|id| ("id".to_owned(), json!(id))));
        body.extend((self.whose == Whose::Contact).then(|| ("overwriteWithBlank".to_owned(), json!(true))));
        body
    }

    /// The fields for POST; of somebody without an address there is nothing to find them by.
    #[must_use]
    pub fn post(&self) -> Option<Map<String, Value>> {
        let mut body = self.fields.clone();
        let email = self.new_email().map(str::to_owned).or_else(|| self.email.clone())?;
        body.insert(EMAIL.to_owned(), json!(email));
        Some(body)
    }

    /// All fields of a contact for PUT, which blanks what it is not given: those that it has, with these over them. Blanks are blank texts,
    /// because Mautic gives a default to what is null.
    #[must_use]
    pub fn put(&self, contact: &Value) -> Map<String, Value> {
        let all = contact.pointer("/fields/all").and_then(Value::as_object);
        let mut body: Map<String, Value> = all.into_iter().flatten().map(|(alias, value)| (alias.clone(), written(value))).collect();
        body.remove("id");
        body.extend(self.fields.clone());
        body
    }
}

/// What a delivery tells of the Salesforce record.
fn told(delivery: &Delivery, place: &str) -> Value {
    let record = &delivery.salesforce;
    match place {
        "id" => json!(record.id),
        "object" => json!(record.object),
        _ => json!(record.synced_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
    }
}

/// A value as the API takes it.
fn written(value: &Value) -> Value {
    match value {
        Value::Null => json!(""),
        Value::Bool(flag) => json!(i32::from(*flag)),
        other => other.clone(),
    }
}

fn is_zero(value: &Value) -> bool {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse::<f64>().ok());
    number.is_some_and(|number| number.trunc() == 0.0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::delivery::{Kind, SalesforceRecord};

    fn change(ids: &[&str], changes: Value) -> Change {
        of(&delivery(ids, changes), &RecordFields::default())
    }

    fn of(delivery: &Delivery, record: &RecordFields) -> Change {
        Change::of(delivery, record, &RecordFields::default())
    }

    fn delivery(ids: &[&str], changes: Value) -> Delivery {
        Delivery {
            id: "d".to_owned(),
            kind: Kind::Updated,
            occurred_at: "2026-09-01T08:00:00Z".parse().unwrap(),
            subject: Subject::Person(About { ids: ids.iter().map(|id| (*id).to_owned()).collect(), email: Some("a@example.org".to_owned()) }),
            salesforce: SalesforceRecord {
                object: "Lead".parse().unwrap(),
                id: "00Q5g00000AbCdE".to_owned().try_into().unwrap(),
                synced_at: "2026-09-01T08:00:00Z".parse().unwrap(),
            },
            changes: serde_json::from_value(changes).unwrap(),
        }
    }

    #[test]
    fn attributes_become_fields_and_what_is_not_mautics_is_left_out() {
        let told = change(
            &["47"],
            json!({"person.city": "Lyon", "person.phone": null, "person.vip": true, "person.tags": ["a"], "data.x": 1,
                                          "person.do_not_contact": true, "person.owner": "sales", "person.id": "9"}),
        );
        assert_eq!(Value::Object(told.patch()), json!({"id": 47, "city": "Lyon", "phone": "", "vip": 1, "overwriteWithBlank": true}));
        assert_eq!((told.opt_out, told.owner.clone(), told.has_zero()), (Some(true), Some(Some("sales".to_owned())), false));
        assert!(change(&["47"], json!({"data.x": 1})).is_empty());
    }

    #[test]
    fn the_salesforce_record_goes_into_the_fields_that_are_named_and_makes_no_contact() {
        let record = RecordFields { id: Some("sf_id".to_owned()), object: Some("sf_object".to_owned()), synced_at: Some("sf_synced".to_owned()) };
        let all = json!({"sf_id": "00Q5g00000AbCdEEAV", "sf_object": "Lead", "sf_synced": "2026-09-01T08:00:00Z"});
        let only_id = RecordFields { id: Some("sf_id".to_owned()), ..RecordFields::default() };
        for (ids, changes, record, want) in [
            (&["47"][..], json!({}), &record, all),
            (&["47"], json!({"person.city": "Lyon"}), &only_id, json!({"sf_id": "00Q5g00000AbCdEEAV", "city": "Lyon"})),
            (&[], json!({"person.city": "Lyon"}), &only_id, json!({"sf_id": "00Q5g00000AbCdEEAV", "city": "Lyon"})),
            (&[], json!({}), &record, json!({})),
            (&["47"], json!({}), &RecordFields::default(), json!({})),
        ] {
            assert_eq!(Value::Object(of(&delivery(ids, changes), record).fields), want);
        }
    }

    #[test]
    fn a_company_is_written_by_its_id_with_zeros_and_blanks() {
        let changes = json!({"company.name": "ACME", "company.companycity": null, "company.gone": false, "company.staff": 0, "company.id": 7,
                             "company.owner": "sales", "person.city": "Lyon"});
        let about = |ids: Vec<String>| Subject::Company(AboutCompany { ids, name: Some("ACME".to_owned()) });
        let record = RecordFields { id: Some("sf_account".to_owned()), ..RecordFields::default() };
        let change = |ids: Vec<String>, changes: Value, record: &RecordFields| {
            Change::of(&Delivery { subject: about(ids), ..delivery(&[], changes) }, &RecordFields::default(), record)
        };
        let known = change(vec!["7".to_owned()], changes.clone(), &RecordFields::default());
        assert_eq!((known.whose, known.has_zero(), &known.owner), (Whose::Company, false, &Some(Some("sales".to_owned()))));
        assert_eq!(Value::Object(known.patch()), json!({"id": 7, "companyname": "ACME", "companycity": "", "gone": 0, "staff": 0}));
        let unknown = change(vec![], changes, &RecordFields::default());
        assert_eq!((unknown.id, unknown.is_empty()), (None, false));
        // Its account is told of by itself, where the company is known.
        let told = change(vec!["7".to_owned()], json!({}), &record);
        assert_eq!(Value::Object(told.patch()), json!({"id": 7, "sf_account": "00Q5g00000AbCdEEAV"}));
        assert!(change(vec![], json!({}), &record).is_empty());
    }

    #[test]
    fn what_patch_would_drop_is_known() {
        for (value, zero) in [
            (json!(0), true),
            (json!(false), true),
            (json!("0"), true),
            (json!(0.5), true),
            (json!("-0.9"), true),
            (json!(1), false),
            (json!(-1.5), false),
            (json!(null), false),
            (json!("none"), false),
            (json!(true), false),
        ] {
            assert_eq!(change(&["47"], json!({"person.x": value.clone()})).has_zero(), zero, "{value}");
        }
    }

    #[test]
    fn put_says_everything_with_blanks_as_texts() {
        let contact = json!({"fields": {"all": {"id": 47, "city": "Lyon", "phone": null, "vip": 1}}});
        assert_eq!(Value::Object(change(&["47"], json!({"person.vip": false})).put(&contact)), json!({"city": "Lyon", "phone": "", "vip": 0}));
    }

    #[test]
    fn who_has_no_id_is_found_by_their_address() {
        assert_eq!(Value::Object(change(&[], json!({"person.city": "Lyon"})).post().unwrap()), json!({"city": "Lyon", "email": "a@example.org"}));
        let moved = change(&["not-a-number"], json!({"person.email": "b@example.org"}));
        assert_eq!((moved.id, moved.new_email()), (None, Some("b@example.org")));
        assert_eq!(moved.post().unwrap().get("email"), Some(&json!("b@example.org")));
        assert_eq!(Change { email: None, ..change(&[], json!({"person.city": "Lyon"})) }.post(), None);
    }
}
