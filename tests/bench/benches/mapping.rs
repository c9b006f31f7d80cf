//! One person with 40 fields: their values brought into the form of their fields and checked against the org's description, for
//! which the target is 50 µs or less; and the whole plan around that, from the event to the write with its explanations.
//!
//! `cargo bench -p passerelle-bench --bench mapping`
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use passerelle_core::domain::{
    config::parse_document,
    engine::Engine,
    event::read_events,
    ids::RecordId,
    mapping::{
        Scene,
        preflight::{Fitted, Operation, fit},
    },
    person::Person,
    planner::{Case, Found, Match, OpenEvent, Situation, plan},
    schema::{Field, ObjectSchema, Schemas},
};
use serde_json::{Map, Value, json};

/// Attribute, type of the field, value, transformations: each kind of work that rules do, phone numbers among them.
fn rows() -> Vec<(&'static str, &'static str, Value, Value)> {
    let none = || json!([]);
    let mut rows = vec![
        ("email", "email", json!("valentin.dumontier@kayo.example"), json!(["trim", "lower"])),
        ("first_name", "string", json!("VALENTIN"), json!(["capitalize"])),
        ("last_name", "string", json!("Dumontier"), none()),
        ("company", "string", json!("KAYO SAS"), none()),
        ("phone", "phone", json!("+33612345678"), json!([{"phone": {"form": "national"}}])),
        ("salutation", "picklist", json!("M"), json!([{"values": {"map": {"M": "Mr.", "Mme": "Ms."}}}])),
        ("job", "string", json!("Directeur"), json!([{"template": "{{ value }} ({{ person.company }})"}])),
        ("zip", "string", json!("F-75002"), json!([{"replace": {"pattern": "^F-", "with": ""}}])),
        ("met", "date", json!("01/03/2026"), json!([{"date_format": {"from": "%d/%m/%Y"}}])),
        ("seen", "datetime", json!("2026-03-01T14:05:00+01:00"), none()),
        ("budget", "currency", json!("12345.678"), none()),
        ("score", "double", json!(87), none()),
        ("fair", "boolean", json!(true), none()),
        ("tags", "multipicklist", json!(["Hot", "Cold"]), none()),
    ];
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t", "u", "v", "w", "x", "y", "z"];
    rows.extend(names.map(|name| (name, "string", json!("Une réponse de longueur moyenne à une question"), none())));
    rows
}

fn field(kind: &str) -> Field {
    let picklist = ["Mr.", "Ms.", "Hot", "Cold"].map(str::to_owned).to_vec();
    let restricted = kind.ends_with("picklist");
    Field {
        kind: kind.into(),
        length: 255,
        precision: 18,
        scale: 2,
        createable: true,
        updateable: true,
        nillable: true,
        restricted,
        picklist,
        ..Field::default()
    }
}

fn engine() -> Engine {
    let rules: Vec<Value> = rows()
        .into_iter()
        .map(|(name, _, _, transform)| json!({"from": format!("person.{name}"), "to": format!("{name}__c"), "strategy": "most_recent", "transform": transform}))
        .collect();
    let document = json!({
        "connection": {"id": "bench", "name": "Bench", "time_zone": "Europe/Paris", "country": "FR"},
        "source": {"id": "bench"},
        "platform": {"name": "Bench"},
        "salesforce": {"host": "production", "auth": {"web_server": {"client_id": "k"}}},
        "people": {"lead_mapping": "lead"},
        "mappings": {"lead": {"object": "Lead", "fields": rules}},
        "workflows": [{"name": "capture", "trigger": "contact_captured", "actions": [{"person": {}}]}],
        "projects": {"unlisted": "accept"}
    });
    Engine::new(parse_document(&document).unwrap(), 1).unwrap()
}

/// Somebody whose lead is there with every field blank, so that each of the 40 is worked and written.
fn case() -> Case {
    let person: Map<String, Value> = rows().into_iter().map(|(name, _, value, _)| (name.to_owned(), value)).collect();
    let event = json!({"id": "e1", "type": "contact_captured", "occurred_at": "2026-03-01T10:00:00Z", "person": person});
    let lead = Match {
        id: RecordId::parse("00Q000000000001EAA").unwrap(),
        created: Some(Timestamp::UNIX_EPOCH),
        modified: Some(Timestamp::UNIX_EPOCH),
        left_by_us: false,
        changed: Default::default(),
        by_key: false,
        owner: None,
        converted_to: None,
        values: rows().into_iter().map(|(name, ..)| (format!("{name}__c").parse().unwrap(), Value::Null)).collect(),
    };
    let open = OpenEvent { event: read_events(event).unwrap().remove(0), done: Default::default(), doubt: None, company: None };
    Case { found: Found { leads: vec![lead], ..Found::default() }, ..Case::new(Person::new("p1".parse().unwrap()), vec![open]) }
}

/// How many values of a person are in the form of their fields and found good.
fn fitting(engine: &Engine, lead: &ObjectSchema, person: &Person) -> usize {
    let scene = Scene { project: None, workflows: vec![0] };
    let rules = engine.person_map("Lead").unwrap().rules(&scene);
    let fits = rules.into_iter().filter(|rule| {
        let field = &lead.fields[&rule.to];
        let value = person.value(rule.from().unwrap()).unwrap();
        let formed = rule.to_salesforce(value, &|path| person.value(path), Some(field), &engine.zone).unwrap();
        matches!(fit(&rule.overflow, field, formed, Operation::Update, &engine.zone), Fitted::Send(_, None))
    });
    fits.count()
}

fn mapping(criterion: &mut Criterion) {
    let engine = engine();
    let fields = rows().into_iter().map(|(name, kind, ..)| (format!("{name}__c").parse().unwrap(), field(kind))).collect();
    let lead = ObjectSchema { object: "Lead".parse().unwrap(), fields };
    let schemas: Schemas = [lead.clone()].into_iter().collect();
    let (known, owners_of_records) = Default::default();
    let situation =
        Situation { engine: &engine, schemas: &schemas, known: &known, now: jiff::Timestamp::UNIX_EPOCH, owners_of_records: &owners_of_records };
    let planned = plan(&situation, vec![case()]);
    assert_eq!(planned.writes.iter().map(|write| write.changes.len()).sum::<usize>(), 40, "every field must be worked: {planned:?}");
    let person = &planned.people[0].person;
    assert_eq!(fitting(&engine, &lead, person), 40, "every value must fit: {person:?}");
    criterion.bench_function("map and check the values of one person of 40 fields", |bencher| {
        bencher.iter(|| fitting(black_box(&engine), &lead, black_box(person)));
    });
    criterion.bench_function("plan one person of 40 fields", |bencher| {
        bencher.iter_batched(|| vec![case()], |cases| plan(black_box(&situation), cases), BatchSize::SmallInput);
    });
}

criterion_group!(benches, mapping);
criterion_main!(benches);
