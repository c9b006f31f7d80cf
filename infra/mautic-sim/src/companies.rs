//! Companies: made one by one, where an equal name is the same company, and who belongs to them.
//!
//! Source: Mautic 5, `LeadBundle/Controller/Api/CompanyApiController.php` and `Form/Type/EntityFieldsBuildFormTrait.php`. Unlike those of
//! contacts, fields of companies take zeros and blanks by each method, and what is blank and not named gets its default by each.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{
    Mautic,
    control::error,
    routes::{Answer, not_found},
    store::{Contact, Store, given, is_blank},
    write::{Method, id_of, typed},
};

/// The field with a company's name.
const NAME: &str = "companyname";

impl Mautic {
    pub(crate) fn found_company(&self, id: u64) -> Answer {
        self.with(|store| store.companies.get(&id).map_or_else(not_found, |company| (200, json!({"company": store.show_company(company)}))))
    }

    /// Makes a company, or changes the one with this name; `force` makes another one all the same.
    pub(crate) async fn create_company(&self, params: &Map<String, Value>) -> Answer {
        let now = self.now();
        let (id, new) = self.with(|store| store.create_company(params, now));
        self.tell_company(id).await;
        (if new { 201 } else { 200 }, self.found_company(id).1)
    }

    pub(crate) async fn edit_company(&self, id: u64, params: &Map<String, Value>, method: Method) -> Answer {
        let now = self.now();
        if !self.with(|store| store.may_own(params)) {
            return (400, error(400, "owner: This value is not valid.", ""));
        }
        if !self.with(|store| store.change_company(id, params, method, now)) {
            // PUT makes what is not there.
            return if method == Method::Put { self.create_company(params).await } else { not_found() };
        }
        self.tell_company(id).await;
        self.found_company(id)
    }

    pub(crate) async fn delete_company(&self, id: u64) -> Answer {
        let Some(gone) = self.with(|store| store.companies.remove(&id)) else { return not_found() };
        let mut shown = self.with(|store| store.show_company(&gone));
        shown.as_object_mut().into_iter().for_each(|shown| _ = shown.insert("id".to_owned(), Value::Null));
        self.tell("company_post_delete", json!({"id": id, "company": shown})).await;
        (200, json!({"company": shown}))
    }

    pub(crate) async fn belong(&self, company: u64, contact: u64, added: bool) -> Answer {
        if !self.with(|store| store.belong(company, contact, added)) {
            return not_found();
        }
        self.tell_belongs(company, contact, added).await;
        (200, json!({"success": 1}))
    }

    /// Tells that a company was saved.
    pub async fn tell_company(&self, id: u64) {
        let shown = self.with(|store| store.companies.get(&id).map(|company| store.show_company(company)));
        if let Some(company) = shown {
            self.tell("company_post_save", json!({"company": company})).await;
        }
    }

    /// Tells that a contact was added to a company or taken out of it.
    pub async fn tell_belongs(&self, company: u64, contact: u64, added: bool) {
        let shown = self.with(|store| {
            let (company, contact) = (store.companies.get(&company)?, store.contacts.get(&contact)?);
            Some(json!({"added": added, "contact": store.show(contact), "company": store.show_company(company)}))
        });
        if let Some(item) = shown {
            self.tell("lead_company_change", item).await;
        }
    }
}

impl Store {
    fn create_company(&mut self, params: &Map<String, Value>, now: Timestamp) -> (u64, bool) {
        let forced = params.get("force").is_some_and(|force| *force == json!(true) || *force == json!(1));
        let name = params.get(NAME);
        let known = self.companies.values().find(|company| !forced && name.is_some_and(|name| company.value(NAME) == name)).map(|c| c.id);
        if let Some(id) = known {
            self.change_company(id, params, Method::Post, now);
            return (id, false);
        }
        let id = self.fresh_id();
        self.companies.insert(id, Contact::new(id, now));
        self.assign_company(id, params, Method::Post);
        (id, true)
    }

    /// Changes a company. Answers whether it is there.
    fn change_company(&mut self, id: u64, params: &Map<String, Value>, method: Method, now: Timestamp) -> bool {
        if !self.companies.contains_key(&id) {
            return false;
        }
        if self.assign_company(id, params, method)
            && let Some(company) = self.companies.get_mut(&id)
        {
            company.date_modified = Some(now);
        }
        true
    }

    /// Gives a company the parameters of a request. Answers whether anything is another than before.
    fn assign_company(&mut self, id: u64, params: &Map<String, Value>, method: Method) -> bool {
        let Some(company) = self.companies.get_mut(&id) else { return false };
        let before = company.clone();
        for field in &self.company_fields {
            let own = params.get(&field.alias);
            let default = field.default.as_ref().filter(|_| own.is_none() && company.value(&field.alias).is_null());
            let value = match (own.or(default), method) {
                (Some(value), _) => typed(field, value),
                (None, Method::Put) => Value::Null,
                (None, _) => continue,
            };
            if is_blank(&value) {
                company.values.remove(&field.alias);
            } else {
                company.values.insert(field.alias.clone(), value);
            }
        }
        match params.get("owner") {
            None if method != Method::Put => {}
            owner => company.owner = owner.and_then(id_of),
        }
        let (changed, renamed) = (*company != before, company.value(NAME) != before.value(NAME));
        if renamed {
            self.rename(id, before.value(NAME));
        }
        changed
    }

    /// Whether the owner that a request names is a choice of the form: nobody, or a published user.
    fn may_own(&self, params: &Map<String, Value>) -> bool {
        let owner = params.get("owner").filter(|owner| !is_blank(owner));
        owner.is_none_or(|owner| self.users.iter().any(|user| user.published && Some(user.id) == id_of(owner)))
    }

    /// Contacts show the name of their first company, and get its new one without being modified.
    fn rename(&mut self, company: u64, former: &Value) {
        let name = self.companies.get(&company).map(|company| company.value(NAME).clone()).unwrap_or_default();
        let members = self.contacts.values_mut().filter(|contact| contact.companies.contains(&company) && contact.value("company") == former);
        members.for_each(|contact| _ = contact.values.insert("company".to_owned(), name.clone()));
    }

    /// A company as somebody makes it in Mautic's own pages.
    pub fn add_company(&mut self, values: &Value, now: Timestamp) -> u64 {
        let id = self.fresh_id();
        let company = Contact { values: given(values), ..Contact::new(id, now) };
        self.companies.insert(id, company);
        id
    }

    /// A change as somebody makes it in Mautic's own pages: what is blank is taken away.
    pub fn edit_company(&mut self, id: u64, values: &Value, now: Timestamp) {
        let params = values.as_object().cloned().unwrap_or_default();
        self.change_company(id, &params, Method::Patch, now);
    }

    /// Adds a contact to a company or takes it out. Answers whether both are there. The company that was added last is the one that the contact
    /// shows.
    pub fn belong(&mut self, company: u64, contact: u64, add: bool) -> bool {
        let Some(name) = self.companies.get(&company).map(|company| company.value(NAME).clone()) else { return false };
        let Some(contact) = self.contacts.get_mut(&contact) else { return false };
        if add {
            contact.companies.insert(company);
            contact.values.insert("company".to_owned(), name);
        } else {
            contact.companies.remove(&company);
            if *contact.value("company") == name {
                contact.values.remove("company");
            }
        }
        true
    }

    /// A contact's companies.
    pub(crate) fn companies_of(&self, contact: u64) -> Option<Value> {
        let ids: &BTreeSet<u64> = &self.contacts.get(&contact)?.companies;
        let companies: Vec<Value> = ids.iter().filter_map(|id| self.companies.get(id)).map(|company| self.show_company(company)).collect();
        Some(json!({"total": companies.len(), "companies": companies}))
    }
}
