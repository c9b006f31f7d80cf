//! Companies: made one by one, where an equal name is the same company, and who belongs to them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{
    store::{Contact, Store},
    write::{Method, assign},
};

impl Store {
    /// Makes a company, or changes the one with this name; `force` makes another one all the same.
    pub(crate) fn create_company(&mut self, params: &Map<String, Value>, now: Timestamp) -> (u64, bool) {
        let forced = params.get("force").is_some_and(|force| *force == json!(true) || *force == json!(1));
        let name = params.get("companyname");
        let known = self.companies.values().find(|company| !forced && name.is_some_and(|name| company.value("companyname") == name)).map(|c| c.id);
        let id = known.unwrap_or_else(|| self.fresh_id());
        let mut company = self.companies.remove(&id).unwrap_or_else(|| Contact::new(id, now));
        if assign(&mut company, &self.company_fields, params, Method::Post) && known.is_some() {
            company.date_modified = Some(now);
        }
        self.companies.insert(id, company);
        (id, known.is_none())
    }

    /// Adds a contact to a company or takes it out. Answers whether both are there.
    pub(crate) fn belong(&mut self, company: u64, contact: u64, add: bool) -> bool {
        let known = self.companies.contains_key(&company);
        let Some(contact) = self.contacts.get_mut(&contact).filter(|_| known) else { return false };
        if add {
            contact.companies.insert(company)
        } else {
            contact.companies.remove(&company)
        };
        true
    }

    /// A contact's companies.
    pub(crate) fn companies_of(&self, contact: u64) -> Option<Value> {
        let ids: &BTreeSet<u64> = &self.contacts.get(&contact)?.companies;
        let companies: Vec<Value> = ids.iter().filter_map(|id| self.companies.get(id)).map(|company| self.show_company(company)).collect();
        Some(json!({"total": companies.len(), "companies": companies}))
    }
}
