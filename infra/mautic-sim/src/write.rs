//! How the API writes contacts, with what it drops, fills in and merges.
//!
//! Source: Mautic 5, `LeadBundle/Controller/Api/LeadApiController.php` and `CustomFieldsApiControllerTrait.php`.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::store::{Contact, Field, Store, is_blank};

/// How a contact is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Post,
    Put,
    Patch,
}

/// What a write did.
pub(crate) struct Written {
    pub id: u64,
    /// Whether it was made just now.
    pub new: bool,
    /// The contact that was merged into it.
    pub merged: Option<Contact>,
}

impl Store {
    /// POST: makes a contact, or changes the one that has the e-mail address.
    pub(crate) fn create(&mut self, params: &Map<String, Value>, now: Timestamp) -> Written {
        let known = params.get("email").and_then(Value::as_str).and_then(|email| self.by_email(email)).map(|contact| contact.id);
        let id = known.unwrap_or_else(|| self.fresh_id());
        let mut contact = self.contacts.remove(&id).unwrap_or_else(|| Contact::new(id, now));
        let changed = assign(&mut contact, &self.fields, params, Method::Post);
        if known.is_some() && changed {
            contact.date_modified = Some(now);
        }
        self.contacts.insert(id, contact);
        Written { id, new: known.is_none(), merged: None }
    }

    /// PUT and PATCH of a contact that is there. Where the request names the e-mail address of another contact, the two become one.
    pub(crate) fn change(&mut self, id: u64, params: &Map<String, Value>, method: Method, now: Timestamp) -> Option<Written> {
        let mut contact = self.contacts.remove(&id)?;
        let other = params.get("email").and_then(Value::as_str).and_then(|email| self.by_email(email)).map(|other| other.id);
        let merged = other.and_then(|other| self.contacts.remove(&other));
        if let Some(loser) = &merged {
            for (alias, value) in &loser.values {
                contact.values.entry(alias.clone()).or_insert_with(|| value.clone());
            }
            contact.tags.extend(loser.tags.iter().cloned());
            contact.companies.extend(&loser.companies);
        }
        if assign(&mut contact, &self.fields, params, method) || merged.is_some() {
            contact.date_modified = Some(now);
        }
        self.contacts.insert(id, contact);
        Some(Written { id, new: false, merged })
    }
}

/// Gives a contact the parameters of a request. Answers whether anything is another than before.
fn assign(contact: &mut Contact, fields: &[Field], params: &Map<String, Value>, method: Method) -> bool {
    let before = contact.clone();
    let blanks = method == Method::Put || params.get("overwriteWithBlank").is_some_and(is_true);
    for field in fields {
        let own = params.get(&field.alias);
        // What is named as null counts as not named here, but a blank text does not.
        let unnamed = own.is_none_or(Value::is_null);
        let default = field.default.as_ref().filter(|_| method != Method::Patch && unnamed && contact.value(&field.alias).is_null());
        let value = match (default, own, method) {
            (Some(default), ..) => default,
            (None, Some(own), _) => own,
            (None, None, Method::Put) => &Value::Null,
            (None, None, _) => continue,
        };
        let value = typed(field, value);
        if method != Method::Put && is_zero(&value) {
            continue;
        }
        if !is_blank(&value) {
            contact.values.insert(field.alias.clone(), value);
        } else if blanks {
            contact.values.remove(&field.alias);
        }
    }
    match params.get("owner") {
        Some(Value::Null) => contact.owner = None,
        Some(owner) => contact.owner = id_of(owner),
        None => {}
    }
    for tag in params.get("tags").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        match tag.strip_prefix('-') {
            Some(tag) => _ = contact.tags.remove(tag),
            None => _ = contact.tags.insert(tag.to_owned()),
        }
    }
    *contact != before
}

/// An id, as a number or as a text.
pub(crate) fn id_of(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// A value as its field keeps it.
pub(crate) fn typed(field: &Field, value: &Value) -> Value {
    match (field.kind.as_str(), value) {
        ("boolean", Value::Bool(flag)) => Value::from(i64::from(*flag)),
        ("boolean" | "number", Value::String(text)) => text.trim().parse::<serde_json::Number>().map_or_else(|_| value.clone(), Value::Number),
        ("multiselect", Value::Array(items)) => Value::from(items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("|")),
        _ => value.clone(),
    }
}

/// What PHP takes for the integer 0: `0`, but also `0.5`.
fn is_zero(value: &Value) -> bool {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    number.is_some_and(|number| number.trunc() == 0.0)
}

fn is_true(value: &Value) -> bool {
    *value == Value::Bool(true) || value.as_i64() == Some(1) || value.as_str() == Some("1")
}
