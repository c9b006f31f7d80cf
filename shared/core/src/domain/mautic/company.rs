//! A company as the API and the webhooks show it, and what it says that was not known.
//!
//! Source: Mautic 5, `LeadBundle/Controller/Api/CompanyApiController.php`.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::contact::fields;
use crate::domain::{
    event::{CHANGED, Event, content_hash, is_blank},
    ids::EventId,
    mapping::codec::same,
    person::Person,
};

/// Mautic's field with the name, which is `company.name` here.
pub(super) const NAME_FIELD: &str = "companyname";

/// A company of the API.
#[derive(Debug, Clone, PartialEq)]
pub struct Company {
    /// Its id.
    pub id: u64,
    /// When it was made or modified last, where the answer tells that.
    pub at: Option<Timestamp>,
    /// Its attributes, as events have them.
    pub attributes: Map<String, Value>,
}

impl Company {
    /// Reads a company of an answer or of a webhook; `None` where it is none.
    #[must_use]
    pub fn parse(company: &Value) -> Option<Self> {
        let id = company.get("id").and_then(|id| id.as_u64().or_else(|| id.as_str()?.parse().ok()))?;
        let time = |name: &str| company.get(name)?.as_str()?.parse::<Timestamp>().ok();
        let mut attributes = fields(company);
        let name = attributes.remove(NAME_FIELD);
        attributes.extend(name.map(|name| ("name".to_owned(), name)));
        attributes.insert("id".to_owned(), json!(id));
        Some(Self { id, at: time("dateModified").or_else(|| time("dateAdded")), attributes })
    }

    /// What tells which company it is, and nothing else.
    #[must_use]
    pub fn identity(&self) -> Map<String, Value> {
        let named = ["id", "name"].into_iter().filter_map(|name| Some((name.to_owned(), self.attributes.get(name)?.clone())));
        named.filter(|(_, value)| !is_blank(value)).collect()
    }

    /// What the company says that is not known of it yet, in the form of an event that is about nobody; `None` where all of it is known. Only
    /// what is another than before is stated, so that nothing gets a later date than it has. `read_at` dates what has no date of its own.
    #[must_use]
    pub fn news(&self, known: Option<&Person>, read_at: Timestamp) -> Option<Event> {
        let differs = |name: &str, value: &Value| {
            let known = known.and_then(|company| company.value(&format!("company.{name}")));
            !known.map_or_else(|| is_blank(value), |known| same(None, known, value))
        };
        let mut company = self.attributes.clone();
        company.retain(|name, value| differs(name, value));
        if company.is_empty() {
            return None;
        }
        // Which company it is about.
        company.extend(self.identity());
        let occurred_at = self.at.unwrap_or(read_at);
        let content = content_hash(&json!({"at": occurred_at, "company": &company}));
        let id = EventId::parse(&format!("mautic-company-{}-{}", self.id, content.get(..32)?)).ok()?;
        let company = Some(company);
        Some(Event { id, kind: CHANGED.to_owned(), occurred_at, person: Map::new(), company, project: None, collaborator: None, data: Map::new() })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::ids::PersonKey;

    fn company(modified: Value, values: &Value) -> Company {
        let field = |(alias, value): (&String, &Value)| (alias.clone(), json!({"alias": alias, "type": "text", "value": value}));
        let core: Map<String, Value> = values.as_object().unwrap().iter().map(field).collect();
        let fields = json!({"core": core, "professional": [], "all": values});
        Company::parse(&json!({"id": 7, "dateAdded": "2026-08-01T08:00:00+00:00", "dateModified": modified, "fields": fields})).unwrap()
    }

    #[test]
    fn a_company_states_what_is_not_known_of_it_and_which_one_it_is() {
        let read_at = "2026-09-01T08:00:00Z".parse().unwrap();
        let new = company(Value::Null, &json!({"companyname": "ACME", "companycity": "Lyon", "companyphone": null}));
        let event = new.news(None, read_at).unwrap();
        let stated = event.company.clone().unwrap();
        assert_eq!(Value::Object(stated.clone()), json!({"id": 7, "name": "ACME", "companycity": "Lyon"}));
        assert_eq!((event.person.len(), event.occurred_at.to_string().as_str()), (0, "2026-08-01T08:00:00Z"));

        let mut known = Person::new_company(PersonKey::parse("c").unwrap());
        known.fold_company(&event, &stated, |_| true);
        assert_eq!(new.news(Some(&known), read_at), None);
        let moved = company(json!("2026-08-20T08:00:00+00:00"), &json!({"companyname": "ACME", "companycity": null})).news(Some(&known), read_at);
        assert_eq!(json!(moved.unwrap().company), json!({"id": 7, "name": "ACME", "companycity": null}));
        let undated = Company { at: None, ..company(Value::Null, &json!({"companyname": "ACME SA"})) }.news(Some(&known), read_at).unwrap();
        assert_eq!((undated.occurred_at, json!(undated.company)), (read_at, json!({"id": 7, "name": "ACME SA"})));
    }

    #[test]
    fn what_is_no_company_is_none() {
        assert_eq!(Company::parse(&json!({"fields": {}})), None);
        assert_eq!(Company::parse(&json!({"id": "7"})).map(|company| company.identity()), json!({"id": 7}).as_object().cloned());
    }
}
