//! The lead sequence as tables: what is known, and what is planned for it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod companies;
mod fields;

use serde_json::{Value, json};

use super::*;
use crate::domain::{
    config::parse_document,
    event::read_events,
    plan::{Cause, NewValue, Note, Operation, Outcome, Unchanged, check},
    schema::{Field, KEY_FIELD, ObjectSchema},
};

const LEAD: &str = "00Q000000000001EAA";
const OLDER_LEAD: &str = "00Q000000000002EAA";
const CONTACT: &str = "003000000000001AAA";
const USER: &str = "005000000000001AAA";

fn document() -> Value {
    json!({
        "connection": {"id": "c", "name": "C", "time_zone": "Europe/Paris"},
        "source": {"id": "s"},
        "platform": {"name": "KAYO"},
        "salesforce": {"host": "production", "auth": {"web_server": {"client_id": "k"}}},
        "people": {"lead_mapping": "lead", "contact_mapping": "contact"},
        "mappings": {
            "lead": {"object": "Lead", "fields": [
                {"from": "person.email", "to": "Email", "strategy": "always_platform"},
                {"from": "person.last_name", "to": "LastName"},
                {"from": "person.company", "to": "Company"},
                {"from": "person.salutation", "to": "Salutation", "values": {"M": "Mr."}}]},
            "contact": {"object": "Contact", "fields": [
                {"from": "person.email", "to": "Email"},
                {"from": "person.last_name", "to": "LastName"}]}},
        "workflows": [{"name": "capture", "trigger": "contact_captured", "actions": [
            {"person": {}},
            {"activity": {"object": "Event", "subject": "[{{ platform.name }}] {{ project.name }}", "end": "{{ data.ended_at }}"}}]},
            {"name": "form", "trigger": "form_submitted", "actions": [{"person": {}}]}],
        "projects": {"list": {"salon": {"name": "Salon"}, "off": {"name": "Off", "integration": "off"}}}
    })
}

fn engine(change: impl Fn(&mut Value)) -> Engine {
    let mut json = document();
    change(&mut json);
    Engine::new(parse_document(&json).unwrap(), 3).unwrap()
}

fn id(text: &str) -> RecordId {
    RecordId::parse(text).unwrap()
}

fn open(id: &str, kind: &str, minute: u8, person: Value) -> OpenEvent {
    let body = json!({"id": id, "type": kind, "occurred_at": format!("2026-03-01T10:{minute:02}:00Z"), "person": person,
                      "project": {"id": "salon"}, "collaborator": {"email": "Sales@K.fr"}});
    OpenEvent { event: read_events(body.clone()).unwrap().remove(0), done: BTreeMap::new(), doubt: None, company: None }
}

fn captured(person: Value) -> OpenEvent {
    open("e1", "contact_captured", 0, person)
}

fn valentin() -> Value {
    json!({"email": "j.bon@kayo.fr", "last_name": "Dumontier", "company": "KAYO SAS", "salutation": "M"})
}

fn found(record: &str, created: &str, values: Value) -> Match {
    let values = values.as_object().unwrap().iter().map(|(name, value)| (name.parse().unwrap(), value.clone())).collect();
    Match {
        id: id(record),
        created: created.parse().ok(),
        modified: created.parse().ok(),
        left_by_us: false,
        changed: BTreeMap::new(),
        by_key: false,
        owner: None,
        converted_to: None,
        values,
    }
}

fn case(events: Vec<OpenEvent>, found: Found) -> Case {
    Case { found, ..Case::new(Person::new("p1".parse().unwrap()), events) }
}

fn plan_with(engine: &Engine, schemas: &Schemas, cases: Vec<Case>) -> Plan {
    let users = BTreeMap::from([("sales@k.fr".to_owned(), User { id: id(USER), active: true })]);
    let situation =
        Situation { engine, schemas, known: &Known { users, ..Known::default() }, now: Timestamp::UNIX_EPOCH, owners_of_records: &BTreeMap::new() };
    let planned = plan(&situation, cases);
    assert_eq!(check(&planned), Ok(()));
    planned
}

fn plan_one(engine: &Engine, events: Vec<OpenEvent>, found: Found) -> Plan {
    plan_with(engine, &Schemas::default(), vec![case(events, found)])
}

fn values(write: &Write) -> BTreeMap<String, Value> {
    let value = |new: &NewValue| match new {
        NewValue::Value(value) => value.clone(),
        NewValue::Created(parent) => json!(format!("@{}", parent.0)),
    };
    write.changes.iter().map(|change| (change.field.to_string(), value(&change.new))).collect()
}

fn only_outcome(plan: &Plan) -> &Outcome {
    match &plan.people[0].events[0].fate {
        Fate::Settled(outcome) => outcome,
        other => panic!("{other:?}"),
    }
}

#[test]
fn nobody_knows_the_person_so_a_lead_is_created_with_its_activity() {
    let plan = plan_one(&engine(|_| {}), vec![captured(valentin())], Found::default());
    assert_eq!(plan.writes[0].operation, Operation::Create);
    let want = json!({"Email": "j.bon@kayo.fr", "LastName": "Dumontier", "Company": "KAYO SAS", "Salutation": "Mr.", "OwnerId": USER});
    assert_eq!(json!(values(&plan.writes[0])), want);
    let want = json!({"WhoId": "@0", "Subject": "[KAYO] Salon", "StartDateTime": "2026-03-01T10:00:00.000+0000",
                      "EndDateTime": "2026-03-01T10:00:00.000+0000", "IsReminderSet": false, "OwnerId": USER});
    assert_eq!(json!(values(&plan.writes[1])), want);
    assert_eq!(plan.people[0].events[0].fate, Fate::After(vec![WriteId(0), WriteId(1)]));
}

#[test]
fn company_and_last_name_are_never_invented() {
    for (person, missing) in [
        (json!({"email": "a@b.fr", "last_name": "A"}), vec!["Company"]),
        (json!({"email": "a@b.fr", "company": "B"}), vec!["LastName"]),
        (json!({"email": "a@b.fr", "company": "  "}), vec!["Company", "LastName"]),
    ] {
        let plan = plan_one(&engine(|_| {}), vec![captured(person)], Found::default());
        let Outcome::Parked { problem } = only_outcome(&plan) else { panic!("{plan:?}") };
        assert_eq!((problem.code.as_str(), problem.fields.clone()), ("missing_required", missing.into_iter().map(str::to_owned).collect()));
        assert!(plan.writes.is_empty());
        assert!(plan.people[0].save, "what is known is kept for the day the rest comes");
    }
}

#[test]
fn a_lead_is_updated_by_strategy_and_gets_the_activity() {
    let lead = found(LEAD, "2026-01-01T00:00:00Z", json!({"Email": "J.Bon@kayo.fr", "LastName": "Other", "Company": null}));
    let plan = plan_one(&engine(|_| {}), vec![captured(valentin())], Found { leads: vec![lead], ..Found::default() });
    assert_eq!(plan.writes[0].operation, Operation::Update(id(LEAD)));
    // E-mail: the same but for case. Last name: Salesforce's stays. Company: blank is filled.
    assert_eq!(json!(values(&plan.writes[0])), json!({"Company": "KAYO SAS", "Salutation": "Mr."}));
    assert_eq!(values(&plan.writes[1])["WhoId"], json!(LEAD));
}

#[test]
fn a_contact_gets_activities_only_unless_updates_are_on() {
    let contact = || found(CONTACT, "2026-01-01T00:00:00Z", json!({"Email": "j.bon@kayo.fr", "LastName": null}));
    for (updates, writes) in [("off", 1), ("on", 2)] {
        let engine = engine(|json| json["people"]["update_contacts"] = json!(updates));
        let plan = plan_one(&engine, vec![captured(valentin())], Found { contacts: vec![contact()], ..Found::default() });
        assert_eq!(plan.writes.len(), writes, "{updates}");
        assert_eq!(values(plan.writes.last().unwrap())["WhoId"], json!(CONTACT));
        assert_eq!(plan.people[0].person.link.as_ref().unwrap().id, id(CONTACT));
    }
}

#[test]
fn contact_before_open_lead_then_the_oldest_then_the_smallest_id() {
    let young = found(LEAD, "2026-02-01T00:00:00Z", json!({}));
    let old = found(OLDER_LEAD, "2026-01-01T00:00:00Z", json!({}));
    let twin = Match { created: old.created, ..young.clone() };
    let contact = found(CONTACT, "2026-03-01T00:00:00Z", json!({}));
    for (contacts, leads, want, candidates) in [
        (vec![contact], vec![young.clone(), old.clone()], CONTACT, 3),
        (vec![], vec![young, old.clone()], OLDER_LEAD, 2),
        (vec![], vec![old, twin], LEAD, 2),
    ] {
        let plan = plan_one(&engine(|_| {}), vec![captured(valentin())], Found { contacts, leads, ..Found::default() });
        assert_eq!(plan.people[0].person.link.as_ref().unwrap().id, id(want));
        let Note::Ambiguous { candidates: noted } = &plan.people[0].notes[0] else { panic!("{plan:?}") };
        assert_eq!((noted.len(), noted[0]), (candidates, id(want)));
    }
}

#[test]
fn a_converted_lead_leads_to_its_contact() {
    let lead = Match { converted_to: Some(Conversion { contact: Some(id(CONTACT)) }), ..found(LEAD, "2026-01-01T00:00:00Z", json!({})) };
    let plan = plan_one(&engine(|_| {}), vec![captured(valentin())], Found { leads: vec![lead], ..Found::default() });
    assert_eq!(plan.people[0].notes, [Note::Converted { lead: id(LEAD) }]);
    assert_eq!(plan.writes.len(), 1);
    assert_eq!(values(&plan.writes[0])["WhoId"], json!(CONTACT));
}

#[test]
fn what_an_unknown_person_becomes_is_configured() {
    let contact = plan_one(&engine(|json| json["people"]["when_unknown"] = json!("contact")), vec![captured(valentin())], Found::default());
    assert_eq!(contact.writes[0].object.as_str(), "Contact");
    let nothing = plan_one(&engine(|json| json["people"]["when_unknown"] = json!("nothing")), vec![captured(valentin())], Found::default());
    assert_eq!(only_outcome(&nothing), &Outcome::Unchanged { because: Unchanged::UnknownPerson });
}

#[test]
fn projects_decide_before_anything_else() {
    let of_project = |project: &str| {
        let mut open = captured(valentin());
        open.event.project.as_mut().unwrap().id = project.parse().unwrap();
        plan_one(&engine(|_| {}), vec![open], Found::default())
    };
    assert_eq!(only_outcome(&of_project("off")), &Outcome::Unchanged { because: Unchanged::ProjectOff });
    let unknown = of_project("nowhere");
    assert!(matches!(only_outcome(&unknown), Outcome::Parked { problem: Cause { code, .. } } if code == "unknown_project"));
    assert!(!unknown.people[0].save, "an event that is parked for its project says nothing about the person yet");
}

#[test]
fn one_bad_event_does_not_harm_the_others() {
    let engine = engine(|json| json["workflows"][0]["filter"] = json!("data.kind == 'x' || project.id == 'salon'"));
    let mut bad = open("bad", "contact_captured", 1, valentin());
    bad.event.data.insert("ended_at".to_owned(), json!("yesterday"));
    let mut good = captured(valentin());
    good.event.data.insert("kind".to_owned(), json!("x"));
    bad.event.data.insert("kind".to_owned(), json!("x"));
    let plan = plan_one(&engine, vec![bad, good, open("other", "nothing_known", 2, valentin())], Found::default());
    let fates: BTreeMap<&str, &Fate> = plan.people[0].events.iter().map(|e| (e.event.as_str(), &e.fate)).collect();
    assert!(matches!(fates["bad"], Fate::Blocked { problem, .. } if problem.code == "template_failed"));
    assert!(matches!(fates["e1"], Fate::After(writes) if writes.len() == 2));
    assert_eq!(fates["other"], &Fate::Settled(Outcome::Unchanged { because: Unchanged::NoWorkflow }));
}

#[test]
fn a_step_that_is_done_is_not_done_again() {
    let mut again = captured(valentin());
    again.done.insert("capture/1".to_owned(), id("00U000000000001EAA"));
    let lead = found(LEAD, "2026-01-01T00:00:00Z", json!({"Email": "j.bon@kayo.fr", "LastName": "D", "Company": "K", "Salutation": "Mr."}));
    let plan = plan_one(&engine(|_| {}), vec![again], Found { leads: vec![lead], ..Found::default() });
    assert!(plan.writes.is_empty());
    assert!(matches!(only_outcome(&plan), Outcome::Applied { .. }));
}

#[test]
fn after_a_cut_connection_the_activity_that_stands_there_is_found() {
    let doubtful = || OpenEvent { doubt: "2026-03-01T11:00:00Z".parse().ok(), ..captured(valentin()) };
    let lead = found(LEAD, "2026-01-01T00:00:00Z", json!({"Email": "j.bon@kayo.fr", "LastName": "D", "Company": "K", "Salutation": "Mr."}));
    let standing = |subject: &str| FoundActivity {
        object: "Event".parse().unwrap(),
        id: id("00U000000000001EAA"),
        who: id(LEAD),
        subject: subject.to_owned(),
        start: "2026-03-01T10:00:00Z".parse().ok(),
    };
    for (subject, writes) in [("[KAYO] Salon", 0), ("[KAYO] Another", 1)] {
        let found = Found { leads: vec![lead.clone()], activities: vec![standing(subject)], ..Found::default() };
        assert_eq!(plan_one(&engine(|_| {}), vec![doubtful()], found).writes.len(), writes, "{subject}");
    }
}

#[test]
fn records_are_created_by_key_where_the_org_has_the_field() {
    let field = Field {
        kind: "string".into(),
        label: "Key".into(),
        length: 64,
        createable: true,
        updateable: true,
        external_id: true,
        unique: true,
        ..Field::default()
    };
    let schema = |object: &str| {
        let object: ObjectName = object.parse().unwrap();
        let plain = Field { createable: true, updateable: true, nillable: true, ..Field::default() };
        let names = match object.as_str() {
            "Lead" => ["Email", "LastName", "Company", "Salutation", "OwnerId"].as_slice(),
            _ => &["WhoId", "Subject", "StartDateTime", "EndDateTime", "IsReminderSet", "OwnerId"],
        };
        let mapped = names.iter().map(|name| (name.parse().unwrap(), plain.clone()));
        let fields = mapped.into_iter().chain([(KEY_FIELD.parse().unwrap(), field.clone())]).collect();
        (object.clone(), ObjectSchema { object, fields })
    };
    let schemas = Schemas([schema("Lead"), schema("Event")].into());
    let plan = plan_with(&engine(|_| {}), &schemas, vec![case(vec![captured(valentin())], Found::default())]);
    assert_eq!(plan.writes[0].operation, Operation::CreateByKey { field: KEY_FIELD.parse().unwrap(), key: "p1".to_owned() });
    assert!(matches!(&plan.writes[1].operation, Operation::CreateByKey { key, .. } if key.len() == 32));
}

#[test]
fn a_record_belongs_to_one_person_only() {
    let lead = || found(LEAD, "2026-01-01T00:00:00Z", json!({}));
    let engine = engine(|_| {});
    let first = case(vec![captured(valentin())], Found { leads: vec![lead()], ..Found::default() });
    let mut second = case(vec![open("e2", "contact_captured", 1, valentin())], Found { leads: vec![lead()], ..Found::default() });
    second.person.key = "p2".parse().unwrap();
    let plan = plan_with(&engine, &Schemas::default(), vec![first, second]);
    assert!(matches!(&plan.people[1].events[0].fate, Fate::Settled(Outcome::Parked { problem }) if problem.code == "record_taken"));
    assert!(matches!(&plan.people[0].events[0].fate, Fate::After(_)));
}

#[test]
fn planning_again_after_applying_plans_nothing() {
    let engine = engine(|_| {});
    let first = plan_one(&engine, vec![open("e1", "form_submitted", 0, valentin())], Found::default());
    let values: Value = json!(values(&first.writes[0]));
    let lead = found(LEAD, "2026-03-01T10:05:00Z", values);
    let mut again = case(vec![open("e2", "form_submitted", 6, valentin())], Found { linked: Linked::There(lead), ..Found::default() });
    again.person = first.people[0].person.clone();
    again.person.link = Some(crate::domain::person::Link::new("Lead".parse().unwrap(), id(LEAD), false));
    let plan = plan_with(&engine, &Schemas::default(), vec![again]);
    assert!(plan.writes.is_empty(), "{plan:?}");
    assert_eq!(only_outcome(&plan), &Outcome::Unchanged { because: Unchanged::SameValues });
}

#[test]
fn an_inactive_or_unknown_owner_never_costs_the_person() {
    let engine = engine(|_| {});
    let users = BTreeMap::from([("sales@k.fr".to_owned(), User { id: id(USER), active: false })]);
    let (schemas, owners) = (Schemas::default(), BTreeMap::new());
    let situation = Situation {
        engine: &engine,
        schemas: &schemas,
        known: &Known { users, ..Known::default() },
        now: Timestamp::UNIX_EPOCH,
        owners_of_records: &owners,
    };
    let planned = plan(&situation, vec![case(vec![captured(valentin())], Found::default())]);
    assert!(planned.writes.iter().all(|write| !values(write).contains_key("OwnerId")));
    assert_eq!(planned.people[0].notes, [Note::OwnerFallback { to: "integration user".to_owned() }]);
}

/// A plan that must not be executed is parked for one person after the other, so that it stops nobody else.
#[test]
fn a_parked_plan_writes_nothing_and_passes_the_check() {
    let whole = plan_one(&engine(|_| {}), vec![captured(valentin())], Found::default());
    assert_eq!(whole.writes.len(), 2);
    let parked = whole.parked(&Cause::new("plan_wrong", "The plan is wrong."));
    assert_eq!(check(&parked), Ok(()));
    assert!(parked.writes.is_empty() && !parked.people[0].save);
    assert!(matches!(only_outcome(&parked), Outcome::Parked { problem } if problem.code == "plan_wrong"));
}
