//! What events say of the companies of their people.

use serde_json::{Map, Value};

use super::{
    event::{Event, id_text, is_blank},
    person::{lookup, short_hash},
};

/// The attribute with a company's name.
pub const NAME: &str = "company.name";
/// The attribute with the platform's id of a company.
pub const ID: &str = "company.id";

/// What an event says of its person's company: its `company`, which gets the name at the path `name_from` where it has none, else that
/// name alone. `None` where nothing names a company.
#[must_use]
pub fn stated(event: &Event, name_from: &str) -> Option<Map<String, Value>> {
    let mut stated = event.company.clone().unwrap_or_default();
    if stated.get("name").is_none_or(is_blank)
        && let Some(name) = at(event, name_from).filter(|name| name.is_string() && !is_blank(name))
    {
        stated.insert("name".to_owned(), name.clone());
    }
    (!identities(&stated).is_empty()).then_some(stated)
}

/// Whether a path may lead to the name of a company beside `company` itself.
#[must_use]
pub fn may_name(path: &str) -> bool {
    ["person.", "data.", "company."].into_iter().any(|root| path.strip_prefix(root).is_some_and(|rest| rest.split('.').all(|name| !name.is_empty())))
}

fn at<'e>(event: &'e Event, path: &str) -> Option<&'e Value> {
    let (root, rest) = path.split_once('.')?;
    let (name, within) = rest.split_once('.').map_or((rest, None), |(name, within)| (name, Some(within)));
    let members = match root {
        "person" => &event.person,
        "data" => &event.data,
        _ => return None,
    };
    within.map_or(members.get(name), |within| lookup(members.get(name)?, within))
}

/// The identities of a company, the best first: the platform's id, then the name. Hashed, like those of people.
#[must_use]
pub fn identities(stated: &Map<String, Value>) -> Vec<String> {
    let id = stated.get("id").and_then(id_text).map(|id| format!("{BY_ID}{}", short_hash(&id)));
    let name = stated.get("name").and_then(Value::as_str).filter(|name| !name.trim().is_empty()).map(name_identity);
    id.into_iter().chain(name).collect()
}

/// The identity of a name.
#[must_use]
pub fn name_identity(name: &str) -> String {
    format!("company-name:{}", short_hash(&account_name(name)))
}

/// Whether an identity is that of a platform id.
#[must_use]
pub fn is_id(identity: &str) -> bool {
    identity.starts_with(BY_ID)
}

const BY_ID: &str = "company-id:";

/// A company's name as accounts are compared by.
#[must_use]
pub fn account_name(name: &str) -> String {
    name.trim().to_lowercase()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::event::read_events;

    #[test]
    fn what_an_event_says_of_a_company() {
        for (person, company, want, identities_of) in [
            (json!({"id": 1}), json!(null), json!(null), 0),
            (json!({"id": 1, "company": " "}), json!(null), json!(null), 0),
            (json!({"id": 1, "company": "ACME"}), json!(null), json!({"name": "ACME"}), 1),
            (json!({"id": 1, "company": "ACME"}), json!({"id": 7}), json!({"id": 7, "name": "ACME"}), 2),
            (
                json!({"id": 1, "company": "Other"}),
                json!({"id": 7, "name": "ACME", "city": "Lyon"}),
                json!({"id": 7, "name": "ACME", "city": "Lyon"}),
                2,
            ),
        ] {
            let body = json!({"id": "e", "type": "t", "occurred_at": "2026-01-01T10:00:00Z", "person": person, "company": company});
            let event = read_events(body).unwrap().remove(0);
            let said = stated(&event, "person.company");
            assert_eq!(json!(said), want);
            assert_eq!(said.map_or(0, |said| identities(&said).len()), identities_of, "{want}");
        }
    }

    #[test]
    fn the_name_may_stand_elsewhere() {
        let body = json!({"id": "e", "type": "t", "occurred_at": "2026-01-01T10:00:00Z", "person": {"id": 1, "work": {"firm": "ACME"}},
                          "data": {"exhibitor": "Stand SA"}});
        let event = read_events(body).unwrap().remove(0);
        for (path, name) in
            [("person.work.firm", Some("ACME")), ("data.exhibitor", Some("Stand SA")), ("person.company", None), ("company.name", None)]
        {
            let said = stated(&event, path);
            assert_eq!(said.as_ref().and_then(|said| said.get("name")).and_then(Value::as_str), name, "{path}");
            assert!(may_name(path), "{path}");
        }
        assert!(!may_name("event.id") && !may_name("person.") && !may_name("company"));
    }

    #[test]
    fn names_are_compared_without_case_and_an_id_is_an_id_in_either_form() {
        let of = |stated: Value| identities(stated.as_object().unwrap());
        assert_eq!(of(json!({"name": " Acme "})), of(json!({"name": "ACME"})));
        assert_eq!(of(json!({"id": 7})), of(json!({"id": "7"})));
        assert_ne!(of(json!({"id": "acme"})), of(json!({"name": "acme"})));
    }
}
