//! What the checks before a call predict, against what the simulated org says: no disagreement either way.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use passerelle_core::{
    adapters::salesforce::describe::parse_describe,
    domain::{
        ids::FieldName,
        mapping::{
            CodecError, Family, codec,
            preflight::{self, Fitted, Misfit, Operation, Overflow},
        },
        schema::{Field, ObjectSchema},
    },
};
use proptest::{prelude::*, test_runner::TestRunner};
use salesforce_sim::{
    Id, Seed, Sim,
    org::Session,
    seed::{CustomField, CustomFieldKind as Kind, FieldAccess, PicklistEntry},
    service::Options,
};
use serde_json::{Map, Value, json};

/// An org with a field of every type that an object of it can have.
struct Org {
    sim: Sim,
    user: Id,
    object: &'static str,
    record: Id,
    schema: ObjectSchema,
}

/// What a new record of an object needs at least.
fn least(object: &str) -> Map<String, Value> {
    fields(match object {
        "Lead" => json!({"LastName": "A", "Company": "B"}),
        "Contact" => json!({"LastName": "A"}),
        "Event" => json!({"StartDateTime": "2026-03-01T10:00:00.000+0000", "DurationInMinutes": 30}),
        "Task" => json!({}),
        _ => json!({"Name": "A"}),
    })
}

fn seed(object: &str) -> Seed {
    let owner = if ["Event", "Task"].contains(&object) { "Activity" } else { object };
    let custom_fields = custom_fields().into_iter().map(|field| CustomField { sobject: owner.to_owned(), ..field }).collect();
    Seed { custom_fields, ..Seed::default() }
}

fn custom(name: &str, kind: Kind) -> CustomField {
    CustomField { sobject: "Lead".to_owned(), name: name.to_owned(), kind, ..CustomField::default() }
}

fn custom_fields() -> Vec<CustomField> {
    let grades = || ["Hot", "Warm", "Cold"].map(|text| PicklistEntry::Text(text.to_owned())).to_vec();
    let retired = PicklistEntry::Full { value: "Old".to_owned(), label: "Old".to_owned(), active: false, default: false };
    vec![
        custom("Short__c", Kind::Text { length: 12 }),
        CustomField { required: true, default: Some(json!("x")), ..custom("Needed__c", Kind::Text { length: 8 }) },
        custom("Score__c", Kind::Number { precision: 4, scale: 0 }),
        custom("Weight__c", Kind::Number { precision: 18, scale: 9 }),
        custom("Price__c", Kind::Currency { precision: 8, scale: 2 }),
        custom("Rate__c", Kind::Percent { precision: 5, scale: 2 }),
        custom("Fair__c", Kind::Checkbox),
        custom("Met_On__c", Kind::Date),
        custom("Met_At__c", Kind::DateTime),
        custom("Opens_At__c", Kind::Time),
        custom("Place__c", Kind::Location { scale: 6 }),
        custom("Grade__c", Kind::Picklist { values: grades().into_iter().chain([retired]).collect(), restricted: true }),
        custom("Mood__c", Kind::Picklist { values: grades(), restricted: false }),
        custom("Tags__c", Kind::MultiselectPicklist { values: grades(), restricted: true }),
        custom("Words__c", Kind::MultiselectPicklist { values: grades(), restricted: false }),
        custom("Note__c", Kind::TextArea),
        custom("Story__c", Kind::LongTextArea { length: 300 }),
        custom("Site__c", Kind::Url),
        custom("Mail__c", Kind::Email),
        custom("Line__c", Kind::Phone),
        custom("Guide__c", Kind::Lookup { to: "User".to_owned(), relationship: None }),
        CustomField { access: FieldAccess::ReadOnly, ..custom("Sealed__c", Kind::Text { length: 8 }) },
    ]
}

impl Org {
    fn new(object: &'static str) -> Self {
        let sim = Sim::new(seed(object), Options::default()).unwrap();
        let (user, record, description) = sim.with_org(|org| {
            let user = org.users().next().unwrap().id;
            let session = Session::new(user, org.now());
            let record = org.create(&session, object, &least(object)).unwrap();
            (user, record, org.describe(&session, object).unwrap())
        });
        Self { sim, user, object, record, schema: parse_describe(&description).unwrap() }
    }

    /// The code with which the org refuses one field's value.
    fn verdict(&self, name: &str, value: &Value, operation: Operation) -> Option<String> {
        let mut given = if operation == Operation::Create { least(self.object) } else { Map::new() };
        given.insert(name.to_owned(), value.clone());
        let refused = self.sim.with_org(|org| {
            let session = Session::new(self.user, org.now());
            match operation {
                Operation::Create => org.create(&session, self.object, &given).err(),
                Operation::Update => org.update(&session, self.object, self.record.as_str(), &given).err(),
            }
        });
        refused.map(|errors| errors.first().unwrap().code.to_string())
    }
}

fn fields(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// Values of every kind, many of them at the edge of what a field takes.
fn value(user: String) -> impl Strategy<Value = Value> {
    let text = |units: usize| prop_oneof![Just("x".repeat(units)), Just("é".repeat(units)), Just("😀".repeat(units.div_ceil(2)))];
    let edges = prop::sample::select(vec![1_usize, 7, 8, 9, 11, 12, 13, 40, 41, 80, 81, 128, 129, 255, 256, 300, 301]).prop_flat_map(text);
    let emails = ["a@b.fr", "a@b", "é@b.fr", "a.b+c@d-e.fr", "a..b@c.fr", ".a@b.fr", "a@-b.fr", "a b@c.fr", "a@b@c.fr", "o'n@x.fr", "@"];
    let words = ["Hot", "hot", "Old", "Hot;Cold", "Hot; Warm ;", "Hot;Tepid", ";", "true", "false", "oui", "0", "  ", "", " Hot "];
    let dates = [
        "2026-03-01",
        "2025-02-29",
        "1699-12-31",
        "1700-01-01",
        "4000-12-31",
        "4001-01-01",
        "01/03/2026",
        "2026-03-01T10:00:00Z",
        "2026-03-01T10:00:00+05:30",
        "2026-03-01T10:00:00.123+0000",
        "2026-03-01T25:00:00Z",
        "20260301",
        "2026-3-1",
    ];
    let times = [
        "10:00",
        "10:00:00",
        "10:00:00.123Z",
        "10:00:00.1234Z",
        "23:59:59.999z",
        "23:59:60Z",
        "24:00:00Z",
        "10:60:00Z",
        "10:00:00+02:00",
        "1:00:00",
        "T10:00:00Z",
        "100000",
    ];
    let coordinates = ["90", "-90.0000004", "-90.0000005", "90.000001", "180", "-180.0000004", "180.0000005", "179.9999999", "48.858370", "-500"];
    let ids = vec![user, "nobody".to_owned(), "001000000000001".to_owned(), "00Q000000000001AAA".to_owned()];
    let numbers = [
        "0",
        "9999",
        "9999.4",
        "9999.5",
        "10000",
        "-9999.5",
        "999999.994",
        "999999.995",
        "999.995",
        "1e3",
        "1.5e-3",
        "1e30",
        "1e400",
        "1,5",
        ".5",
        "5.",
        "+7",
        "--7",
        "abc",
        "123456789.123456789",
        "99999999.9999999995",
        "0.00000000000000000000001",
        "1_000",
    ];
    prop_oneof![
        3 => edges.prop_map(Value::from),
        2 => prop::sample::select(emails.to_vec()).prop_map(Value::from),
        3 => prop::sample::select(words.to_vec()).prop_map(Value::from),
        3 => prop::sample::select(dates.to_vec()).prop_map(Value::from),
        3 => prop::sample::select(numbers.to_vec()).prop_map(Value::from),
        3 => prop::sample::select(times.to_vec()).prop_map(Value::from),
        3 => prop::sample::select(coordinates.to_vec()).prop_map(Value::from),
        2 => prop::sample::select(ids).prop_map(Value::from),
        1 => prop::sample::select(vec![json!(null), json!(true), json!(false), json!([]), json!(["Hot", "Cold"]), json!(["a;b"]), json!({"a": 1})]),
        2 => any::<i64>().prop_map(Value::from),
        2 => (-1e7..1e7_f64).prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        2 => "\\PC{0,20}".prop_map(Value::from),
    ]
}

/// The fields that are compared: all but the record's own id, and those whose rules are the object's and not the type's.
fn compared(schema: &ObjectSchema) -> Vec<(FieldName, Field)> {
    let own_rules = ["Id", "RecordTypeId", "Status", "OwnerId", "IsConverted"];
    // Whether a record exists that is pointed to, only the org knows; users do.
    let pointing = |field: &Field| field.kind.family() == Family::Record && field.references != ["User"];
    schema
        .fields
        .iter()
        .filter(|(name, field)| !own_rules.contains(&name.as_str()) && !pointing(field))
        .map(|(name, field)| (name.clone(), field.clone()))
        .collect()
}

#[test]
fn the_checks_and_the_org_agree_on_every_value_of_a_lead() {
    agree("Lead", 20_000);
}

#[test]
fn the_checks_and_the_org_agree_on_every_value_of_a_contact() {
    agree("Contact", 8_000);
}

#[test]
fn the_checks_and_the_org_agree_on_every_value_of_an_account() {
    agree("Account", 8_000);
}

#[test]
fn the_checks_and_the_org_agree_on_every_value_of_an_event() {
    agree("Event", 8_000);
}

#[test]
fn the_checks_and_the_org_agree_on_every_value_of_a_task() {
    agree("Task", 8_000);
}

/// The fields that say when an event is. They must agree with each other, which is the object's rule and no type's.
const TIMES: [&str; 6] = ["ActivityDate", "ActivityDateTime", "DurationInMinutes", "EndDateTime", "IsAllDayEvent", "StartDateTime"];
/// How the org says that they do not.
const TIMES_RULES: [&str; 2] = ["FIELD_INTEGRITY_EXCEPTION", "REQUIRED_FIELD_MISSING"];

fn agree(object: &'static str, cases: u32) {
    let org = Org::new(object);
    let fields = compared(&org.schema);
    for special in ["Sealed__c", "Opens_At__c", "Place__c", "Place__Latitude__s", "Place__Longitude__s"] {
        assert!(fields.iter().any(|(name, _)| name.as_str() == special), "{special} is among them");
    }
    // Few among a hundred, and met as often as each needs to be.
    let rare = |field: &Field| field.kind.family() == Family::Time || field.bound.is_some();
    let few: Vec<_> = fields.iter().filter(|(_, field)| rare(field)).cloned().collect();
    let field = prop_oneof![4 => prop::sample::select(fields), 1 => prop::sample::select(few)];
    let samples = (field, value(org.user.as_str().to_owned()), any::<bool>());
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new(config);
    let counts = std::cell::RefCell::new(BTreeMap::<(bool, bool), u32>::new());
    runner
        .run(&samples, |((name, field), value, create)| {
            let operation = if create { Operation::Create } else { Operation::Update };
            let writable = if create { field.createable } else { field.updateable };
            // A value without a form is sent as it came: the org must not know better.
            let (sent, predicted) = match codec::encode(&value, None, &field, &TimeZone::UTC) {
                _ if !writable => (json!("x"), Some(Misfit::NotWritable)),
                Ok(formed) => {
                    let formed = formed.unwrap_or(Value::Null);
                    (formed.clone(), preflight::check(&field, &formed, operation).err())
                }
                Err(error) => (value.clone(), Some(Misfit::from(error))),
            };
            let actual = org.verdict(name.as_str(), &sent, operation);
            let disagrees_with_others = predicted.is_none() && actual.as_deref().is_some_and(|code| TIMES_RULES.contains(&code));
            if object == "Event" && TIMES.contains(&name.as_str()) && disagrees_with_others {
                return Ok(());
            }
            prop_assert_eq!(actual.is_some(), predicted.is_some(), "{} {} {:?}: {:?} but {:?}", name, sent, operation, predicted, actual);
            if let (Some(misfit), Some(code)) = (&predicted, &actual) {
                // Of a value of another JSON type the org tells no more than that it cannot read it.
                let same_kind = sent.is_string() || !matches!(misfit, Misfit::Unreadable(CodecError::NotRecord));
                // Beyond what a floating-point number can be, nobody knows whether it is too large or no number at all.
                let boundless = matches!(misfit, Misfit::Unreadable(CodecError::TooManyDigits));
                let null_boolean = field.kind.family() == Family::Boolean && sent.is_null();
                if same_kind && !boundless && !null_boolean {
                    prop_assert_eq!(misfit.salesforce_code(), code, "{} {} {:?}", name, sent, operation);
                }
            }
            *counts.borrow_mut().entry((rare(&field), actual.is_some())).or_default() += 1;
            Ok(())
        })
        .unwrap();
    let counts = counts.into_inner();
    let often = |rare, least| [true, false].iter().all(|refused| counts.get(&(rare, *refused)).is_some_and(|count| *count > least));
    assert!(often(false, 1_000) && often(true, 100), "both verdicts must be common: {counts:?} by rare and refused");
}

#[test]
fn what_is_put_in_a_values_place_is_taken() {
    let org = Org::new("Lead");
    let long = json!("Directrice générale adjointe 😀 des affaires internationales et de la communication".repeat(4));
    for (name, field) in compared(&org.schema).iter().filter(|(_, field)| field.updateable && field.kind.family() == Family::Text) {
        if let Fitted::Send(value, _) = preflight::fit(&Overflow::Truncate, field, long.clone(), Operation::Update, &TimeZone::UTC) {
            assert_eq!(org.verdict(name.as_str(), &value, Operation::Update), None, "{name} {value}");
        }
    }
}
