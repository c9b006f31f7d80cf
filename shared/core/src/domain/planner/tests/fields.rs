//! The way of a value from event to field: overlays, checks, blanks, and what runs after runs.

use super::*;
use crate::domain::{
    mapping::{FieldType, Reason},
    person::{Base, Left, Link, Sent},
};

fn described(fields: &[(&str, Field)]) -> Schemas {
    let object: ObjectName = "Lead".parse().unwrap();
    let plain = [("Email", FieldType::Email), ("LastName", FieldType::String), ("Company", FieldType::String), ("Salutation", FieldType::Picklist)];
    let plain = plain.map(|(name, kind)| (name.parse().unwrap(), field(kind)));
    let fields = plain.into_iter().chain(fields.iter().map(|(name, field)| (name.parse().unwrap(), field.clone()))).collect();
    Schemas([(object.clone(), ObjectSchema { object, fields })].into())
}

fn field(kind: FieldType) -> Field {
    Field { kind, length: 80, precision: 8, scale: 2, createable: true, updateable: true, nillable: true, ..Field::default() }
}

/// KAYO's person with one more attribute, mapped by one more rule.
fn with_rule(rule: Value, attribute: Value) -> (Engine, OpenEvent) {
    let mut person = valentin();
    person["extra"] = attribute;
    let mut rule = rule;
    rule["from"] = json!("person.extra");
    rule["to"] = json!("Extra__c");
    (engine(|json| json["mappings"]["lead"]["fields"].as_array_mut().unwrap().push(rule.clone())), captured(person))
}

fn created(engine: &Engine, schemas: &Schemas, event: OpenEvent) -> Plan {
    plan_with(engine, schemas, vec![case(vec![event], Found::default())])
}

#[test]
fn values_take_the_form_of_their_field() {
    for (kind, value, want) in [
        (FieldType::Double, json!("12.345"), json!(12.35)),
        (FieldType::Boolean, json!("oui"), json!(true)),
        (FieldType::DateTime, json!("2026-07-01T12:00:00"), json!("2026-07-01T10:00:00.000+0000")),
        (FieldType::MultiPicklist, json!(["a", "b"]), json!("a;b")),
        (FieldType::String, json!(12), json!("12")),
    ] {
        let (engine, event) = with_rule(json!({}), value);
        let plan = created(&engine, &described(&[("Extra__c", field(kind.clone()))]), event);
        let change = plan.writes[0].changes.iter().find(|change| change.field.as_str() == "Extra__c").unwrap();
        assert_eq!((&change.new, change.rule.as_deref()), (&NewValue::Value(want), Some("mappings.lead.fields[4]")), "{kind:?}");
    }
}

#[test]
fn values_that_do_not_fit_go_by_the_rule() {
    let short = || described(&[("Extra__c", Field { length: 4, ..field(FieldType::String) })]);
    let number = || described(&[("Extra__c", field(FieldType::Double))]);
    for (rule, schemas, value, want) in [
        (json!({}), short(), json!("too long"), Err("value_too_long")),
        (json!({"overflow": "truncate"}), short(), json!("too long"), Ok(json!("too"))),
        (json!({"overflow": {"default": "?"}}), short(), json!("too long"), Ok(json!("?"))),
        (json!({"overflow": "drop"}), short(), json!("too long"), Ok(json!(null))),
        (json!({}), number(), json!("many"), Err("value_not_number")),
        (json!({"overflow": {"default": 0}}), number(), json!("many"), Ok(json!(0))),
        (json!({"overflow": "drop"}), number(), json!("many"), Ok(json!(null))),
        (json!({}), described(&[]), json!("x"), Err("field_missing")),
        (json!({"overflow": "drop"}), described(&[]), json!("x"), Ok(json!(null))),
        (json!({"transform": [{"phone": {"form": "e164"}}]}), short(), json!("none"), Err("value_not_phone")),
    ] {
        let (engine, event) = with_rule(rule.clone(), value);
        let plan = created(&engine, &schemas, event);
        match want {
            Err(code) => {
                let Outcome::Parked { problem } = only_outcome(&plan) else { panic!("{rule}: {plan:?}") };
                assert_eq!((problem.code.as_str(), problem.fields.as_slice()), (code, ["Extra__c".to_owned()].as_slice()), "{rule}");
            }
            Ok(want) => {
                assert_eq!(values(&plan.writes[0]).get("Extra__c").cloned().unwrap_or_default(), want, "{rule}");
                let dropped = plan.people[0].notes.iter().any(|note| matches!(note, Note::Dropped { .. }));
                assert_eq!(dropped, want.is_null(), "{rule}");
            }
        }
    }
}

#[test]
fn what_keeps_an_event_waiting_is_told_in_the_customers_language() {
    for (language, value, want) in [
        (
            "fr",
            "many",
            "Extra__c depuis person.extra, mappings.lead.fields[4] : Ce n'est pas un nombre ; écrivez des chiffres avec un point, par exemple 1234.5.",
        ),
        ("en", "many", "Extra__c from person.extra, mappings.lead.fields[4]: This is not a number; write digits with a point, like 1234.5."),
        ("fr", "", "Une nouvelle fiche Lead exige Extra__c, et rien de ce qui est connu de la personne ne le donne."),
        ("en", "", "A new Lead needs Extra__c, and nothing that is known about the person gives it."),
    ] {
        let rule = json!({"from": "person.extra", "to": "Extra__c", "required": true});
        let engine = engine(|json| {
            json["connection"]["language"] = json!(language);
            json["mappings"]["lead"]["fields"].as_array_mut().unwrap().push(rule.clone());
        });
        let mut person = valentin();
        person["extra"] = json!(value);
        let plan = created(&engine, &described(&[("Extra__c", field(FieldType::Double))]), captured(person));
        let Outcome::Parked { problem } = only_outcome(&plan) else { panic!("{language}: {plan:?}") };
        assert_eq!(problem.message, want);
    }
}

#[test]
fn what_would_not_be_written_need_not_fit() {
    let (engine, event) = with_rule(json!({}), json!("too long"));
    let schemas = described(&[("Extra__c", Field { length: 4, ..field(FieldType::String) })]);
    let lead = found(
        LEAD,
        "2026-01-01T00:00:00Z",
        json!({"Email": "j.bon@kayo.fr", "LastName": "D", "Company": "K", "Salutation": "Mr.", "Extra__c": "here"}),
    );
    let plan = plan_with(&engine, &schemas, vec![case(vec![event], Found { leads: vec![lead], ..Found::default() })]);
    assert!(matches!(&plan.people[0].events[0].fate, Fate::After(_)), "{plan:?}");
    assert_eq!(plan.writes.len(), 1, "only the activity: Salesforce's value stays");
}

#[test]
fn required_rules_make_the_person_wait() {
    for (value, parked) in [(json!(""), true), (json!("x"), false)] {
        let (engine, event) = with_rule(json!({"required": true}), value);
        let plan = created(&engine, &described(&[("Extra__c", field(FieldType::String))]), event);
        assert_eq!(
            matches!(&plan.people[0].events[0].fate, Fate::Settled(Outcome::Parked { problem }) if problem.code == "missing_required"),
            parked
        );
    }
}

/// A person whose lead was written before: the platform's base and Salesforce's are the value.
fn known(value: &str) -> Person {
    let mut person = Person::new("p1".parse().unwrap());
    let base = |value: &str| Base { platform: Some(json!(value)), salesforce: Some(json!(value)), ..Base::default() };
    let bases = [("Email", "j.bon@kayo.fr"), ("LastName", "Dumontier"), ("Company", "KAYO SAS"), ("Salutation", "Mr."), ("Extra__c", value)];
    let bases = bases.map(|(name, value)| (name.parse().unwrap(), base(value))).into();
    person.link = Some(Link { bases, ..Link::new("Lead".parse().unwrap(), id(LEAD), false) });
    person
}

#[test]
fn a_clear_is_passed_on_where_the_rule_says_so() {
    for (rule, want) in [
        (json!({"clears": true, "strategy": "most_recent"}), Some(json!(null))),
        (json!({"strategy": "most_recent"}), None),
        (json!({"clears": true, "strategy": "always_platform"}), Some(json!(null))),
        (json!({"clears": true, "strategy": "always_salesforce"}), None),
    ] {
        let (engine, event) = with_rule(rule.clone(), json!(""));
        let read = json!({"Email": "j.bon@kayo.fr", "LastName": "Dumontier", "Company": "KAYO SAS", "Salutation": "Mr.", "Extra__c": "here"});
        let case = Case {
            found: Found { linked: Linked::There(found(LEAD, "2026-01-01T00:00:00Z", read)), ..Found::default() },
            ..Case::new(known("here"), vec![event])
        };
        let plan = plan_with(&engine, &described(&[("Extra__c", field(FieldType::String))]), vec![case]);
        let write = plan.writes.iter().find(|write| write.object.as_str() == "Lead");
        assert_eq!(write.and_then(|write| values(write).get("Extra__c").cloned()), want, "{rule}");
    }
}

/// Both sides were compared before, and Salesforce's value was the later one: a statement that comes late takes nothing of it back.
#[test]
fn a_late_statement_does_not_take_back_what_time_has_decided() {
    for (since, want) in [(None, true), (Some("2026-02-28T00:00:00Z"), true), (Some("2030-01-01T00:00:00Z"), false)] {
        let (engine, event) = with_rule(json!({"strategy": "most_recent"}), json!("late"));
        let mut person = known("before");
        let extra = "Extra__c".parse().unwrap();
        let base = person.link.as_mut().unwrap().bases.get_mut(&extra).unwrap();
        (base.salesforce, base.since) = (Some(json!("edited")), since.map(|since| since.parse().unwrap()));
        let read = json!({"Email": "j.bon@kayo.fr", "LastName": "Dumontier", "Company": "KAYO SAS", "Salutation": "Mr.", "Extra__c": "edited"});
        let found = Found { linked: Linked::There(found(LEAD, "2026-01-01T00:00:00Z", read)), ..Found::default() };
        let plan = plan_with(&engine, &described(&[("Extra__c", field(FieldType::String))]), vec![Case { found, ..Case::new(person, vec![event]) }]);
        let write = plan.writes.iter().find(|write| write.object.as_str() == "Lead");
        assert_eq!(write.is_some_and(|write| values(write).contains_key("Extra__c")), want, "{since:?}: {plan:?}");
        let kept = plan.people[0].person.link.as_ref().unwrap().bases[&extra].since;
        assert!(want || kept == since.map(|since| since.parse().unwrap()), "it is decided for good: {kept:?}");
    }
}

/// The record is later than its field as soon as we have written another one.
#[test]
fn what_time_has_decided_gets_no_later_by_a_write_to_another_field() {
    let (engine, event) = with_rule(json!({"strategy": "most_recent"}), json!("before"));
    let mut person = known("before");
    let (extra, since) = ("Extra__c".parse().unwrap(), Some("2026-02-28T00:00:00Z".parse().unwrap()));
    let base = person.link.as_mut().unwrap().bases.get_mut(&extra).unwrap();
    (base.salesforce, base.since) = (Some(json!("edited")), since);
    let read = json!({"Email": "j.bon@kayo.fr", "LastName": "Dumontier", "Company": "KAYO SAS", "Salutation": "Mr.", "Extra__c": "edited"});
    let found = Found { linked: Linked::There(found(LEAD, "2030-01-01T00:00:00Z", read)), ..Found::default() };
    let plan = plan_with(&engine, &described(&[("Extra__c", field(FieldType::String))]), vec![Case { found, ..Case::new(person, vec![event]) }]);
    assert_eq!(plan.people[0].person.link.as_ref().unwrap().bases[&extra].since, since);
}

/// A write of ours to one field makes the record later, and no other field.
#[test]
fn what_we_left_as_it_was_is_as_late_as_when_we_found_it() {
    let extra: FieldName = "Extra__c".parse().unwrap();
    let read = json!({"Email": "j.bon@kayo.fr", "LastName": "Dumontier", "Company": "KAYO SAS", "Salutation": "Mr.", "Extra__c": "edited"});
    for (by_us, value, want) in [(true, Some("edited"), true), (false, Some("edited"), false), (true, Some("another"), false), (true, None, false)] {
        let (engine, event) = with_rule(json!({"strategy": "most_recent"}), json!("stated"));
        let mut person = known("before");
        let link = person.link.as_mut().unwrap();
        link.bases.remove(&extra);
        let at = "2026-02-28T00:00:00Z".parse().unwrap();
        link.left.extend(value.map(|value| (extra.clone(), Left { value: json!(value), at })));
        let there = Match { left_by_us: by_us, ..found(LEAD, "2030-01-01T00:00:00Z", read.clone()) };
        let found = Found { linked: Linked::There(there), ..Found::default() };
        let plan = plan_with(&engine, &described(&[("Extra__c", field(FieldType::String))]), vec![Case { found, ..Case::new(person, vec![event]) }]);
        let write = plan.writes.iter().find(|write| write.object.as_str() == "Lead");
        assert_eq!(write.is_some_and(|write| values(write).contains_key("Extra__c")), want, "{by_us} {value:?}: {plan:?}");
    }
}

/// What is found beside what is written is noted with its time.
#[test]
fn a_write_notes_how_late_what_it_leaves_was() {
    let (engine, event) = with_rule(json!({"strategy": "most_recent"}), json!("before"));
    let person = known("before");
    let read = json!({"Email": "old@kayo.fr", "LastName": "Dumontier", "Company": "KAYO SAS", "Salutation": "Mr.", "Extra__c": "edited"});
    let found = Found { linked: Linked::There(found(LEAD, "2030-01-01T00:00:00Z", read)), ..Found::default() };
    let plan = plan_with(&engine, &described(&[("Extra__c", field(FieldType::String))]), vec![Case { found, ..Case::new(person, vec![event]) }]);
    assert!(plan.writes.iter().any(|write| write.object.as_str() == "Lead"), "{plan:?}");
    let left = &plan.people[0].person.link.as_ref().unwrap().left[&"Extra__c".parse().unwrap()];
    assert_eq!((&left.value, left.at), (&json!("edited"), "2030-01-01T00:00:00Z".parse().unwrap()));
}

/// What an org makes of our values (here: of a phone number) looks like no change on either side.
#[test]
fn values_that_the_org_writes_its_own_way_are_left_alone() {
    let (engine, event) = with_rule(json!({"strategy": "always_platform"}), json!("0612345678"));
    let mut person = known("0612345678");
    person.link.as_mut().unwrap().bases.insert(
        "Extra__c".parse().unwrap(),
        Base { platform: Some(json!("0612345678")), salesforce: Some(json!("06 12 34 56 78")), ..Base::default() },
    );
    let read = json!({"Email": "j.bon@kayo.fr", "LastName": "Dumontier", "Company": "KAYO SAS", "Salutation": "Mr.", "Extra__c": "06 12 34 56 78"});
    let found = Found { linked: Linked::There(found(LEAD, "2026-01-01T00:00:00Z", read)), ..Found::default() };
    let plan = plan_with(&engine, &described(&[("Extra__c", field(FieldType::Phone))]), vec![Case { found, ..Case::new(person, vec![event]) }]);
    assert!(plan.writes.iter().all(|write| write.object.as_str() != "Lead"), "{plan:?}");
}

#[test]
fn projects_and_workflows_lay_their_changes_over_the_mapping() {
    let engine = engine(|json| {
        json["projects"]["list"]["salon"]["mappings"] = json!({"lead": {
            "fields": [{"from": "person.badge", "to": "Badge__c"}], "static": {"LeadSource": "Salon"}, "unmapped": ["Salutation"]}});
        json["workflows"][0]["mappings"] =
            json!({"lead": {"static": {"LeadSource": "Badge"}, "fields": [{"from": "data.note", "to": "Description"}]}});
    });
    let mut person = valentin();
    person["badge"] = json!("B-7");
    let lead = |kind: &str| {
        let mut event = open("e1", kind, 0, person.clone());
        event.event.data.insert("note".to_owned(), json!("Warm"));
        let plan = plan_one(&engine, vec![event], Found::default());
        let write = plan.writes[0].clone();
        (json!(values(&write)), write)
    };
    let (form, _) = lead("form_submitted");
    assert_eq!(
        form,
        json!({"Email": "j.bon@kayo.fr", "LastName": "Dumontier", "Company": "KAYO SAS", "OwnerId": USER, "Badge__c": "B-7", "LeadSource": "Salon"})
    );
    let (capture, write) = lead("contact_captured");
    assert_eq!((&capture["LeadSource"], &capture["Description"], capture.get("Salutation")), (&json!("Badge"), &json!("Warm"), None));
    let place = |field: &str| write.changes.iter().find(|change| change.field.as_str() == field).unwrap().rule.clone().unwrap();
    assert_eq!(place("LeadSource"), "workflows[0].mappings.lead.static.LeadSource");
    assert_eq!(place("Badge__c"), "projects.list.salon.mappings.lead.fields[0]");
    assert_eq!(place("Email"), "mappings.lead.fields[0]");
}

/// A value is governed by the project that stated it: what one project does not send, another does not send for it.
#[test]
fn a_value_is_governed_by_the_project_that_stated_it() {
    let engine = engine(|json| {
        json["projects"]["list"]["quiet"] = json!({"name": "Quiet", "mappings": {"lead": {"unmapped": ["Salutation"]}}});
    });
    let mut quiet = open("e1", "form_submitted", 0, valentin());
    quiet.event.project.as_mut().unwrap().id = "quiet".parse().unwrap();
    let loud = open("e2", "form_submitted", 1, json!({"email": "j.bon@kayo.fr"}));
    let plan = plan_one(&engine, vec![quiet, loud], Found::default());
    assert_eq!(values(&plan.writes[0]).get("Salutation"), None);
    let later = open("e3", "form_submitted", 2, json!({"email": "j.bon@kayo.fr", "salutation": "M"}));
    let mut again = case(vec![later], Found::default());
    again.person = plan.people[0].person.clone();
    let plan = plan_with(&engine, &Schemas::default(), vec![again]);
    assert_eq!(values(&plan.writes[0])["Salutation"], json!("Mr."), "the second project has stated it itself");
}

#[test]
fn a_mapping_makes_or_changes_records_as_its_operation_says() {
    let lead = || found(LEAD, "2026-01-01T00:00:00Z", json!({"Email": null}));
    for (operation, creates, changes) in [("create", true, false), ("update", false, true), ("create_or_update", true, true)] {
        let engine = engine(|json| json["mappings"]["lead"]["operation"] = json!(operation));
        let event = || open("e1", "form_submitted", 0, valentin());
        let unknown = plan_one(&engine, vec![event()], Found::default());
        assert_eq!(!unknown.writes.is_empty(), creates, "{operation}");
        let there = plan_one(&engine, vec![event()], Found { leads: vec![lead()], ..Found::default() });
        assert_eq!(!there.writes.is_empty(), changes, "{operation}");
    }
}

/// What no rule stands behind is checked as well: texts of activities, names of new accounts, keys of records.
#[test]
fn what_does_not_fit_an_activity_is_found_before_the_call() {
    let object = ObjectName::known("Event");
    let texts = ["WhoId", "Subject", "EndDateTime", "OwnerId"].map(|name| (name.parse().unwrap(), field(FieldType::String)));
    let rest = [("StartDateTime", field(FieldType::DateTime)), ("IsReminderSet", field(FieldType::Boolean))];
    let fields = texts.into_iter().chain(rest.map(|(name, field)| (name.parse().unwrap(), field))).collect();
    let schemas = Schemas([(object.clone(), ObjectSchema { object, fields })].into());
    for (name, start, problem) in [
        ("Salon", "2026-03-01T10:00:00Z", None),
        ("Salon", "1650-03-01T10:00:00Z", Some("value_year_out_of_range")),
        (&*"é".repeat(75), "2026-03-01T10:00:00Z", Some("value_too_long")),
    ] {
        let engine = engine(|json| {
            json["projects"]["list"]["salon"]["name"] = json!(name);
            json["workflows"][0]["actions"][1]["activity"]["start"] = json!(start);
            json["workflows"][0]["actions"][1]["activity"]["end"] = json!(start);
        });
        let plan = plan_with(&engine, &schemas, vec![case(vec![captured(valentin())], Found::default())]);
        let objects: Vec<&str> = plan.writes.iter().map(|write| write.object.as_str()).collect();
        assert_eq!(objects, if problem.is_some() { ["Lead"].as_slice() } else { &["Lead", "Event"] }, "{name} {start}");
        let told = if let Fate::Blocked { problem, .. } = &plan.people[0].events[0].fate { Some(problem.code.as_str()) } else { None };
        assert_eq!(told, problem, "{name} {start}");
    }
}

#[test]
fn projects_and_workflows_change_the_default_mapping_by_its_name() {
    let engine = engine(|json| {
        json["people"] = json!({});
        json["mappings"] = json!({});
        json["projects"]["list"]["a"] = json!({"name": "A", "mappings": {"lead": {"fields": {"phone": "Phone"}, "unmapped": ["Title"]}}});
        json["workflows"][0]["mappings"] = json!({"lead": {"static": {"LeadSource": "Salon"}}});
    });
    let person = json!({"email": "j.bon@kayo.fr", "last_name": "D", "job": "CTO", "company": "K", "phone": "1"});
    let mut event = open("e1", "contact_captured", 0, person.clone());
    event.event.project = serde_json::from_value(json!({"id": "a"})).unwrap();
    let here = plan_one(&engine, vec![event], Found::default());
    let want = json!({"Email": "j.bon@kayo.fr", "LastName": "D", "Company": "K", "Phone": "1", "LeadSource": "Salon", "OwnerId": USER});
    assert_eq!(json!(values(&here.writes[0])), want);
    let elsewhere = plan_one(&engine, vec![open("e1", "form_submitted", 0, person)], Found::default());
    assert!(values(&elsewhere.writes[0]).contains_key("Title") && !values(&elsewhere.writes[0]).contains_key("Phone"));
}

#[test]
fn a_mapping_that_is_called_lead_is_that_of_leads_unless_another_is_named() {
    let person = || json!({"email": "j.bon@kayo.fr", "last_name": "D", "job": "CTO", "company": "K"});
    for (named, field) in [(json!({}), "Description"), (json!({"lead_mapping": "visitors"}), "Title")] {
        let engine = engine(|json| {
            json["people"] = named.clone();
            json["mappings"] = json!({
                "lead": {"email": "Email", "last_name": "LastName", "company": "Company", "job": "Description"},
                "visitors": {"object": "Lead", "fields": {"email": "Email", "last_name": "LastName", "company": "Company", "job": "Title"}},
            });
        });
        let plan = plan_one(&engine, vec![open("e1", "form_submitted", 0, person())], Found::default());
        assert_eq!(values(&plan.writes[0]).get(field), Some(&json!("CTO")), "{named}");
    }
}

#[test]
fn nothing_configured_means_the_default_mapping() {
    let engine = engine(|json| {
        json["people"] = json!({});
        json["mappings"] = json!({});
    });
    let person = json!({"email": "j.bon@kayo.fr", "first_name": "Valentin", "last_name": "D", "job": "CTO", "company": "K", "phone": "1"});
    let plan = plan_one(&engine, vec![open("e1", "form_submitted", 0, person)], Found::default());
    let want = json!({"Email": "j.bon@kayo.fr", "FirstName": "Valentin", "LastName": "D", "Title": "CTO", "Company": "K", "OwnerId": USER});
    assert_eq!(json!(values(&plan.writes[0])), want);
    assert!(engine.person_fields("Contact").iter().all(|field| field.as_str() != "Company"));
}

#[test]
fn the_opt_out_goes_by_the_latest_statement_whatever_the_rule_says() {
    let rule = json!({"from": "person.unsubscribed", "to": "HasOptedOutOfEmail", "strategy": "always_platform"});
    let engine = engine(|json| json["mappings"]["lead"]["fields"].as_array_mut().unwrap().push(rule.clone()));
    let schemas = described(&[("HasOptedOutOfEmail", field(FieldType::Boolean))]);
    // The record was modified before the event, or after it: then nobody knows whether that was the opt-out.
    let (before, after) = ("2026-01-01T00:00:00Z", "2026-05-01T00:00:00Z");
    for (ours, theirs, modified, want) in [
        (false, true, before, Some(json!(false))),
        (true, false, before, Some(json!(true))),
        (false, true, after, None),
        (true, false, after, Some(json!(true))),
    ] {
        let mut person = valentin();
        person["unsubscribed"] = json!(ours);
        let read = json!({"Email": "j.bon@kayo.fr", "LastName": "D", "Company": "K", "Salutation": "Mr.", "HasOptedOutOfEmail": theirs});
        let found = Found { leads: vec![found(LEAD, modified, read)], ..Found::default() };
        let plan = plan_with(&engine, &schemas, vec![case(vec![open("e1", "form_submitted", 0, person)], found)]);
        let written = plan.writes.first().and_then(|write| values(write).get("HasOptedOutOfEmail").cloned());
        assert_eq!(written, want, "{ours} {theirs} {modified}");
    }
}

#[test]
fn a_fixed_value_fills_a_blank_and_overwrites_nothing() {
    let engine = engine(|json| json["mappings"]["lead"]["static"] = json!({"LeadSource": "Salon"}));
    for (there, want) in [(json!(null), Some(json!("Salon"))), (json!("Web"), None)] {
        let lead = found(LEAD, "2026-01-01T00:00:00Z", json!({"LeadSource": there}));
        let plan = plan_one(&engine, vec![open("e1", "form_submitted", 0, valentin())], Found { leads: vec![lead], ..Found::default() });
        let change = plan.writes[0].changes.iter().find(|change| change.field.as_str() == "LeadSource");
        assert_eq!(change.map(|change| (change.new.clone(), change.reason)), want.map(|value| (NewValue::Value(value), Reason::BlankFilled)));
    }
}

/// A value just sent, and the first look at the record afterwards: as our user left it, or as somebody else did.
#[test]
fn the_first_look_after_a_write_tells_what_is_salesforces_own_change() {
    let both = |platform: Value, salesforce: Value| (Some(platform), Some(salesforce));
    for (name, sent, left_by_us, shown, stated, written, bases) in [
        ("ours, as sent", Sent::Surely, true, "A", "A", None, both(json!("A"), json!("A"))),
        ("ours, rewritten by the org", Sent::Surely, true, "a.", "A", None, both(json!("A"), json!("a."))),
        ("ours, and the platform says something newer", Sent::Surely, true, "a.", "B", Some("B"), both(json!("A"), json!("a."))),
        ("another field was edited", Sent::Surely, false, "A", "B", Some("B"), both(json!("A"), json!("A"))),
        ("the field was edited, later", Sent::Surely, false, "X", "B", None, both(json!("B"), json!("X"))),
        ("the field was set back", Sent::Surely, false, "old", "A", None, both(json!("A"), json!("old"))),
        ("unanswered and not taken", Sent::Perhaps, true, "old", "B", Some("B"), both(json!("A"), json!("old"))),
        ("unanswered and rewritten", Sent::Perhaps, true, "b.", "B", Some("B"), both(json!("A"), json!("b."))),
        ("unanswered, then edited", Sent::Perhaps, false, "X", "B", None, both(json!("B"), json!("X"))),
    ] {
        let (engine, event) = with_rule(json!({"strategy": "most_recent"}), json!(stated));
        let mut person = known("A");
        let base = Base { platform: Some(json!("A")), salesforce: Some(json!("old")), sent: Some(sent), ..Base::default() };
        person.link.as_mut().unwrap().bases.insert("Extra__c".parse().unwrap(), base);
        let read = json!({"Email": "j.bon@kayo.fr", "LastName": "Dumontier", "Company": "KAYO SAS", "Salutation": "Mr.", "Extra__c": shown});
        // Modified after the event occurred, as it is where we were slow.
        let lead = Match { left_by_us, ..found(LEAD, "2026-05-01T00:00:00Z", read) };
        let found = Found { linked: Linked::There(lead), ..Found::default() };
        let plan = plan_with(&engine, &described(&[("Extra__c", field(FieldType::String))]), vec![Case { found, ..Case::new(person, vec![event]) }]);
        let write = plan.writes.iter().find(|write| write.object.as_str() == "Lead");
        assert_eq!(write.map(|write| values(write)["Extra__c"].clone()), written.map(|value| json!(value)), "{name}");
        let base = &plan.people[0].person.link.as_ref().unwrap().bases[&FieldName::known("Extra__c")];
        assert_eq!(((base.platform.clone(), base.salesforce.clone()), base.sent), (bases, None), "{name}");
    }
}

#[test]
fn what_a_record_of_ours_had_at_first_is_nobodys_statement() {
    for (left_by_us, want) in [(true, Some(json!("B"))), (false, None)] {
        let (engine, event) = with_rule(json!({"strategy": "most_recent"}), json!("B"));
        let mut person = known("-");
        let link = person.link.as_mut().unwrap();
        link.bases.remove(&FieldName::known("Extra__c"));
        link.made = true;
        let read = json!({"Email": "j.bon@kayo.fr", "LastName": "Dumontier", "Company": "KAYO SAS", "Salutation": "Mr.", "Extra__c": "default"});
        let lead = Match { left_by_us, ..found(LEAD, "2026-05-01T00:00:00Z", read) };
        let found = Found { linked: Linked::There(lead), ..Found::default() };
        let plan = plan_with(&engine, &described(&[("Extra__c", field(FieldType::String))]), vec![Case { found, ..Case::new(person, vec![event]) }]);
        let write = plan.writes.iter().find(|write| write.object.as_str() == "Lead");
        assert_eq!(write.map(|write| values(write)["Extra__c"].clone()), want);
        assert!(!plan.people[0].person.link.as_ref().unwrap().made);
    }
}

/// Beside a lead whose other fields are as they were: what becomes of `Extra__c`, which Salesforce shows as `shown`.
fn meet(rule: Value, stated: Value, base: Base, shown: Value) -> Plan {
    let (engine, event) = with_rule(rule, stated);
    let mut person = known("-");
    person.link.as_mut().unwrap().bases.insert(FieldName::known("Extra__c"), base);
    let read = json!({"Email": "j.bon@kayo.fr", "LastName": "Dumontier", "Company": "KAYO SAS", "Salutation": "Mr.", "Extra__c": shown});
    let lead = Match { left_by_us: true, ..found(LEAD, "2026-05-01T00:00:00Z", read) };
    let found = Found { linked: Linked::There(lead), ..Found::default() };
    plan_with(&engine, &described(&[("Extra__c", field(FieldType::String))]), vec![Case { found, ..Case::new(person, vec![event]) }])
}

fn write_of(plan: &Plan) -> Option<Value> {
    plan.writes.iter().find(|write| write.object.as_str() == "Lead").and_then(|write| values(write).get("Extra__c").cloned())
}

/// An org that takes a value away again would otherwise get it with every event, for ever.
#[test]
fn what_the_org_rewrites_twice_running_is_left_until_the_platform_changes_it() {
    let base = |rewritten, sent| Base { platform: Some(json!("A")), salesforce: Some(json!(null)), sent, rewritten, ..Base::default() };
    let note = || Note::OrgRewritesField { field: FieldName::known("Extra__c"), sent: json!("A"), became: json!(null) };
    for (name, base, stated, shown, want, rewritten, notes) in [
        ("sent once, and emptied", base(0, Some(Sent::Surely)), "A", json!(null), Some(json!("A")), 1, vec![]),
        ("sent again, and emptied", base(1, Some(Sent::Surely)), "A", json!(null), None, 2, vec![note()]),
        ("still so", base(2, None), "A", json!(null), None, 2, vec![]),
        ("the platform says something else", base(2, None), "B", json!(null), Some(json!("B")), 2, vec![]),
        ("the org keeps it now", base(2, Some(Sent::Surely)), "A", json!("A"), None, 0, vec![]),
        ("nobody knows whether it was sent", base(1, Some(Sent::Perhaps)), "A", json!(null), Some(json!("A")), 1, vec![]),
    ] {
        let plan = meet(json!({"strategy": "fill_if_blank"}), json!(stated), base, shown);
        let person = &plan.people[0];
        assert_eq!(write_of(&plan), want, "{name}");
        let base = &person.person.link.as_ref().unwrap().bases[&FieldName::known("Extra__c")];
        assert_eq!((base.rewritten, &person.notes), (rewritten, &notes), "{name}");
        let kept = person.kept.iter().find(|kept| kept.field.as_str() == "Extra__c").map(|kept| kept.reason);
        let reason = if rewritten == 2 { Reason::OrgRewrites } else { Reason::Same };
        assert_eq!(kept, want.is_none().then_some(reason), "{name}");
    }
}

#[test]
fn a_field_that_stays_tells_why_and_who_decided() {
    let base = || Base { platform: Some(json!("old")), salesforce: Some(json!("old")), ..Base::default() };
    for (rule, reason, effective) in [
        (json!({}), Reason::BothFilled, json!({"strategy": "fill_if_blank", "by": "connection"})),
        (json!({"strategy": "always_salesforce"}), Reason::DirectionForbids, json!({"strategy": "always_salesforce", "by": "rule"})),
        (json!({"direction": "to_platform"}), Reason::DirectionForbids, json!({"strategy": "fill_if_blank", "by": "connection"})),
    ] {
        let plan = meet(rule.clone(), json!("ours"), base(), json!("theirs"));
        let kept = plan.people[0].kept.iter().find(|kept| kept.field.as_str() == "Extra__c").unwrap();
        assert_eq!((kept.reason, json!(kept.effective), kept.rule.as_str()), (reason, effective, "mappings.lead.fields[4]"), "{rule}");
        assert!(kept.reason.leaves_a_difference());
    }
}

/// Both sides have changed, and the record's time says nothing of the field's: Salesforce's stays, and both values are told.
#[test]
fn an_undecidable_conflict_is_told_with_both_values() {
    let base = || Base { platform: Some(json!("old")), salesforce: Some(json!("old")), ..Base::default() };
    for (direction, modified) in [("both", None), ("to_salesforce", None)] {
        let (engine, event) = with_rule(json!({"strategy": "most_recent", "direction": direction}), json!("ours"));
        let mut person = known("-");
        person.link.as_mut().unwrap().bases.insert(FieldName::known("Extra__c"), base());
        let read = json!({"Email": "j.bon@kayo.fr", "LastName": "Dumontier", "Company": "KAYO SAS", "Salutation": "Mr.", "Extra__c": "theirs"});
        let lead = Match { modified, ..found(LEAD, "2026-05-01T00:00:00Z", read) };
        let found = Found { linked: Linked::There(lead), ..Found::default() };
        let plan = plan_with(&engine, &described(&[("Extra__c", field(FieldType::String))]), vec![Case { found, ..Case::new(person, vec![event]) }]);
        let kept = plan.people[0].kept.iter().find(|kept| kept.field.as_str() == "Extra__c").unwrap();
        assert!(kept.rule.starts_with("mappings."), "{}", kept.rule);
        let (platform, salesforce) = (json!("ours"), json!("theirs"));
        let conflict = Note::Conflict { field: FieldName::known("Extra__c"), platform, salesforce, rule: kept.rule.clone() };
        assert_eq!((write_of(&plan), &plan.people[0].notes), (None, &vec![conflict]), "{direction}");
        assert_eq!(kept.reason, Reason::Undecided, "{direction}");
    }
}
