//! Companies: whose events tell of which, and what becomes of their accounts.

use super::*;

const ACCOUNT: &str = "001000000000001AAA";

fn engine_with(mode: &str) -> Engine {
    engine_of(mode, |_| {})
}

fn engine_of(mode: &str, change: impl Fn(&mut Value)) -> Engine {
    engine(|json| {
        json["people"]["when_unknown"] = json!("contact");
        json["people"]["account"] = json!({"mode": mode, "mapping": "account"});
        json["mappings"]["account"] = json!({"object": "Account", "static": {"Type": "Prospect"}, "fields": [
            {"from": "company.name", "to": "Name", "strategy": "fill_if_blank"},
            {"from": "company.site", "to": "Website", "strategy": "always_platform"},
            {"from": "person.country", "to": "BillingCountry", "strategy": "always_platform"}]});
        change(json);
    })
}

fn said(id: &str, minute: u8, company: Value) -> OpenEvent {
    let mut open = open(id, "form_submitted", minute, json!({"email": format!("{id}@k.fr"), "last_name": "D", "country": "FR"}));
    open.event.company = serde_json::from_value(company).unwrap();
    open
}

/// People of these events, each their own, and their companies.
fn cases(engine: &Engine, events: Vec<OpenEvent>, stored: Vec<Person>) -> Vec<Case> {
    let owners = stored.iter().flat_map(|company| company.aliases.iter().map(|alias| (alias.clone(), company.key.clone()))).collect();
    let people = events.into_iter().map(|open| {
        let key = open.event.id.as_str().parse().unwrap();
        Case::new(Person::new(key), vec![open])
    });
    let mut cases: Vec<Case> = people.collect();
    let companies = gather(engine, &mut cases, owners, stored);
    cases.extend(companies);
    cases
}

fn account(name: &str, site: &str) -> Match {
    found(ACCOUNT, "2026-01-01T00:00:00Z", json!({"Name": name, "Website": site}))
}

#[test]
fn an_id_goes_before_a_name_and_two_ids_are_two_companies() {
    let engine = engine_with("find");
    let events = [json!({"name": "ACME"}), json!({"id": 7, "name": "acme"}), json!({"id": 8, "name": "ACME"}), json!({"id": 7, "name": "Other"})];
    let events = events.into_iter().zip(0..).map(|(company, n)| said(&format!("e{n}"), n, company));
    let cases = cases(&engine, events.collect(), Vec::new());
    let of: Vec<_> = cases.iter().take(4).map(|case| case.events[0].company.clone().unwrap()).collect();
    assert_eq!((&of[0], &of[0]), (&of[1], &of[3]), "the name had no id yet, and the id leads to it from then on");
    assert_ne!(of[0], of[2]);
    let plan = plan_with(&engine, &Schemas::default(), cases);
    let names = |key: &PersonKey| plan.people.iter().find(|person| person.person.key == *key).unwrap().identities.claims.len();
    assert_eq!((names(&of[0]), names(&of[2])), (3, 1), "a name stays with whoever had it first");
}

#[test]
fn people_of_one_company_share_the_account_that_is_made() {
    let engine = engine_with("find_or_create");
    let of = |id: &str, company| said(id, 0, company);
    let events =
        vec![of("e1", json!({"id": 7, "name": "ACME", "site": "acme.fr"})), of("e2", json!({"id": 7})), of("e3", json!({"id": 9, "name": "acme"}))];
    let plan = plan_with(&engine, &Schemas::default(), cases(&engine, events, Vec::new()));
    let objects: Vec<&str> = plan.writes.iter().map(|write| write.object.as_str()).collect();
    assert_eq!(objects, ["Account", "Contact", "Contact", "Contact"]);
    assert_eq!(json!(values(&plan.writes[0])), json!({"Name": "ACME", "Website": "acme.fr", "BillingCountry": "FR", "Type": "Prospect"}));
    assert!(plan.writes[1..].iter().all(|contact| values(contact)["AccountId"] == "@0"));
    let company = plan.people.iter().find(|person| person.record == Some(WriteId(0))).unwrap();
    assert!(company.person.is_company() && company.save && plan.writes[0].person == company.person.key);
    assert!(matches!(&plan.people[0].events[0].fate, Fate::After(waits) if waits == &[WriteId(0), WriteId(1)]));
}

#[test]
fn an_account_that_is_there_gets_what_is_the_companys_and_no_more() {
    for (mode, site, want) in [("find", "old.fr", Some(json!({"Website": "acme.fr"}))), ("find", "acme.fr", None), ("off", "old.fr", None)] {
        let engine = engine_with(mode);
        let mut cases = cases(&engine, vec![said("e1", 0, json!({"name": "ACME SA", "site": "acme.fr"}))], Vec::new());
        for company in cases.iter_mut().filter(|case| case.person.is_company()) {
            company.found.accounts = vec![account("acme sa", site), Match { id: id("001000000000002AAA"), ..account("Another", site) }];
        }
        let plan = plan_with(&engine, &Schemas::default(), cases);
        let written = plan.writes.iter().find(|write| write.object.as_str() == "Account");
        assert_eq!(written.map(|write| json!(values(write))), want, "{mode} {site}");
        let contact = plan.writes.iter().find(|write| write.object.as_str() == "Contact").unwrap();
        assert_eq!(values(contact).get("AccountId"), (mode == "find").then(|| json!(ACCOUNT)).as_ref(), "{mode}");
        if want.is_some() {
            assert!(matches!(&plan.people[0].events[0].fate, Fate::After(waits) if waits.len() == 2), "the event is done when both are");
        }
    }
}

/// A value that does not fit an account waits by itself: its other fields and everybody's events go on.
#[test]
fn a_value_that_does_not_fit_an_account_parks_the_company_by_its_rule_and_nobodys_event() {
    for (overflow, parked, note) in [("park", true, "waits"), ("drop", false, "dropped")] {
        let engine = engine_of("find", |document| {
            document["mappings"]["account"]["fields"][1]["overflow"] = json!(overflow);
            document["reconciliation"] = json!({"push": "on"});
        });
        let website = Field { length: 5, ..Field::default() };
        let fields = [("Name", Field { length: 80, ..Field::default() }), ("Website", website)];
        let fields = fields.into_iter().map(|(name, field)| (name.parse().unwrap(), Field { createable: true, updateable: true, ..field })).collect();
        let object = ObjectName::known("Account");
        let schemas = Schemas([(object.clone(), ObjectSchema { object, fields })].into());
        let said = vec![said("e1", 1, json!({"id": 7, "name": "B", "site": "too long"})), said("e2", 0, json!({"id": 7, "site": "old"}))];
        let mut cases = cases(&engine, said, Vec::new());
        let company = |case: &&mut Case| case.person.is_company();
        cases.iter_mut().filter(company).for_each(|company| company.found.accounts = vec![account("B", "x")]);
        let plan = plan_with(&engine, &schemas, cases);
        let company = plan.people.iter().find(|planned| planned.person.is_company()).unwrap();
        assert!(plan.writes.iter().all(|write| write.object.as_str() == "Contact"), "{overflow}: {:?}", plan.writes);
        assert!(plan.people.iter().flat_map(|planned| &planned.events).all(|event| matches!(event.fate, Fate::After(_))), "{overflow}");
        let problem = company.problem.as_ref().map(|problem| problem.code.as_str());
        assert_eq!((problem, company.compare), (parked.then_some("value_too_long"), true), "{overflow}: looked at by the next run");
        assert!(json!(company.notes).as_array().unwrap().iter().any(|told| told["note"] == note && told["code"] == "value_too_long"), "{overflow}");
    }
}

#[test]
fn a_deleted_account_is_made_anew_for_a_new_contact_only_and_a_merged_one_is_followed() {
    let engine = engine_with("find_or_create");
    let mut company = Person::new_company("c7".parse().unwrap());
    company.fold_company(&said("e0", 0, json!({"id": 7, "name": "ACME"})).event, json!({"id": 7, "name": "ACME"}).as_object().unwrap(), |_| false);
    company.link = Some(crate::domain::person::Link::new(ObjectName::known("Account"), id(ACCOUNT), false));
    let master = "001000000000003AAA";
    for (found, is_new, made, account_id) in [
        (Found { linked: Linked::Gone, ..Found::default() }, true, 1, json!("@0")),
        (Found { linked: Linked::Gone, ..Found::default() }, false, 0, json!(null)),
        (Found { linked: Linked::Gone, master: Some(Match { id: id(master), ..account("ACME", "x") }), ..Found::default() }, true, 0, json!(master)),
        (Found { linked: Linked::There(account("ACME", "x")), ..Found::default() }, true, 0, json!(ACCOUNT)),
    ] {
        let mut cases = cases(&engine, vec![said("e1", 1, json!({"id": 7}))], vec![company.clone()]);
        cases[1].found = found.clone();
        if !is_new {
            cases[0].found.contacts = vec![super::found(CONTACT, "2026-01-01T00:00:00Z", json!({"Email": "e1@k.fr", "LastName": "D"}))];
        }
        let plan = plan_with(&engine, &Schemas::default(), cases);
        assert_eq!(plan.writes.iter().filter(|write| write.object.as_str() == "Account").count(), made, "{found:?}");
        let contact = plan.writes.iter().find(|write| write.object.as_str() == "Contact").map(values);
        assert_eq!(json!(contact.and_then(|contact| contact.get("AccountId").cloned())), account_id, "{found:?}");
        if account_id == json!(master) {
            assert_eq!(plan.people[1].person.link.as_ref().unwrap().id, id(master));
        }
    }
}
