//! What people do in the orgs while the functions work, and a note of what they did.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use fastrand::Rng;
use jiff::Timestamp;
use salesforce_sim::{
    Id,
    org::{Conversion, Org, QueryScope, Session},
    seed::{CustomField, CustomFieldKind, FieldAccess, FieldRule, Who},
};
use serde_json::{Value, json};

use crate::{
    admin::INTEGRATION,
    document::{BADGE, badge},
    fault::Fault,
    history::{Alteration, PEOPLE, What, phone, whose},
    world::{By, World, org::OrgAt},
};

/// A change of a field by somebody.
#[derive(Debug, Clone)]
pub struct Edited {
    /// The value.
    pub value: Value,
    /// When, by the org's clock.
    pub at: Timestamp,
    /// When, from the beginning of the run.
    pub passed: Duration,
    /// Whether upsert was at work: it may have read the record before and write it after.
    pub contended: bool,
}

/// What was done, per tenant and person.
#[derive(Debug, Default)]
pub struct Deeds {
    /// Edits in their order, by field.
    pub edits: BTreeMap<(usize, usize), BTreeMap<&'static str, Vec<Edited>>>,
    /// Whose records were deleted at some time, and when last, from the beginning of the run.
    pub deleted: BTreeMap<(usize, usize), Duration>,
    /// When records were converted or merged, which dates what they became: by the org's clock, and from the beginning of the run.
    pub moved: BTreeMap<(usize, usize), (Timestamp, Duration)>,
    /// Whose deleted records were taken back.
    pub restored: BTreeSet<(usize, usize)>,
    /// Tenants whose field for badges was changed, how, and since when it is as before.
    pub altered: BTreeMap<usize, (Alteration, Option<Duration>)>,
    /// What is in the recycle bin.
    pub bin: BTreeMap<(usize, usize), Id>,
    /// Records that transactions have changed which are not at their end, with their object and the time of the change.
    open: BTreeMap<(usize, usize), (&'static str, Id, Timestamp)>,
}

impl Deeds {
    /// Notes an edit.
    pub fn edited(&mut self, who: (usize, usize), field: &'static str, edit: Edited) {
        self.edits.entry(who).or_default().entry(field).or_default().push(edit);
    }
}

/// Somebody edits the record of one of these people, in the moment between our look at it and the call that writes it.
pub fn interfere(org: &OrgAt, people: &[(usize, usize)], call: &str, rng: &mut Rng) -> Option<((usize, usize), &'static str, Edited)> {
    let who = *rng.choice(people)?;
    let (object, record) = live(org, who).into_iter().next()?;
    let id = record["Id"].as_str().filter(|id| call.contains(id))?;
    let (of, n) = (org.tenant, rng.u16(1_000..10_000));
    let values = [
        ("FirstName", format!("{of} meanwhile {n}")),
        ("Title", format!("{of} title meanwhile {n}")),
        ("Description", format!("{of} note meanwhile {n}")),
        ("Phone", format!("{} {n}", phone(who.0))),
    ];
    // What the call writes itself, where it is one of these.
    let call: Value = serde_json::from_str(call).unwrap_or_default();
    let record = written(&call, id)?;
    let contested: Vec<_> = values.iter().filter(|(field, _)| record.contains_key(*field)).collect();
    let (field, value) = rng.choice(contested).or_else(|| rng.choice(&values))?;
    save(org, object, id, field, &json!(value), true).map(|edit| (who, *field, edit))
}

/// What a call writes into a record.
fn written<'v>(call: &'v Value, id: &str) -> Option<&'v serde_json::Map<String, Value>> {
    match call {
        Value::Object(members) if ["id", "Id"].iter().any(|name| members.get(*name).is_some_and(|value| value == id)) => Some(members),
        Value::Object(members) => members.values().find_map(|member| written(member, id)),
        Value::Array(items) => items.iter().find_map(|item| written(item, id)),
        _ => None,
    }
}

/// Does something in an org.
pub fn act(world: &World, what: &What, contended: bool, deeds: &mut Deeds) {
    let tenant = what.tenant();
    let org = &world.orgs[tenant];
    // What is held open was read before, and is written after.
    let contended = contended || org.sim.control().held() > 0;
    match what {
        What::Edit { person, field, value, .. } => edit(org, (tenant, *person), field, value, contended, deeds),
        What::Load(_) => {
            (0..PEOPLE).for_each(|person| edit(org, (tenant, person), "Title", &json!(format!("{} loaded", org.tenant)), contended, deeds))
        }
        What::Convert(_, person) => convert(org, (tenant, *person), deeds),
        What::Merge(_, person) => merge(org, (tenant, *person), deeds),
        What::Delete(_, person) => delete(org, (tenant, *person), deeds),
        What::Restore(_, person) => restore(org, (tenant, *person), deeds),
        What::Alter(_, how) => alter(org, tenant, *how, deeds),
        What::Mend(_) => mend(org, tenant, deeds),
        What::Twin(_, person) => twin(org, (tenant, *person)),
        What::Begin { person, .. } => begin(org, (tenant, *person), deeds),
        What::Finish { person, field, value, .. } => finish(org, (tenant, *person), field, value, contended, deeds),
        What::Absorb(_, person) => absorb(org, (tenant, *person), deeds),
        What::Open(_, person) => {
            let record = live(org, (tenant, *person)).into_iter().next();
            record.and_then(|(_, record)| id(&record)).into_iter().for_each(|id| org.refuse_once(&id.to_string()));
        }
        What::Hide(_) => {
            show(org, FieldAccess::Hidden);
            world.count(Fault::HiddenField);
        }
        What::Show(_) => show(org, FieldAccess::Edit),
        What::Revoke(_) => {
            let revoked = org.sim.control().revoke_refresh_tokens(None);
            org.sim.control().expire_access_tokens();
            world.state().revoked.insert(org.tenant.to_owned());
            if revoked > 0 {
                world.count(Fault::Revoked);
            }
        }
        What::Commit(_) => {
            org.sim.control().commit_held();
        }
        What::Deliver { .. } | What::Configure(_) | What::Reconnect(_) => {}
    }
    // What is held open may be a call of ours.
    world.watch(org, if matches!(what, What::Commit(_)) { By::Us } else { By::Colleagues });
    if !matches!(what, What::Commit(_)) {
        world.note(format_args!("in {}: {what:?}", org.tenant));
    }
}

/// The live record of a person: their contact, else their lead.
#[must_use]
pub fn live(org: &OrgAt, person: (usize, usize)) -> Vec<(&'static str, Value)> {
    let mut found = Vec::new();
    for object in ["Contact", "Lead"] {
        let records = org.sim.control().records(object, QueryScope::Live).unwrap_or_default();
        let theirs = |record: &Value| record["LastName"].as_str().and_then(whose).is_some_and(|(t, p, _)| (t, p) == person);
        found.extend(records.into_iter().filter(|record| theirs(record) && record["IsConverted"] != true).map(|record| (object, record)));
    }
    found
}

fn as_colleague<T>(org: &OrgAt, change: impl FnOnce(&mut Org, &Session) -> T) -> Option<T> {
    org.sim.with_org(|org| {
        let user = org.users().find(|user| user.username != INTEGRATION.0)?.id;
        let session = org.edit_as(user);
        Some(change(org, &session))
    })
}

fn id(record: &Value) -> Option<Id> {
    record["Id"].as_str()?.parse().ok()
}

fn edit(org: &OrgAt, who: (usize, usize), field: &'static str, value: &Value, contended: bool, deeds: &mut Deeds) {
    let Some((object, record)) = live(org, who).into_iter().next() else { return };
    let saved = save(org, object, record["Id"].as_str().unwrap_or_default(), field, value, contended);
    saved.into_iter().for_each(|edit| deeds.edited(who, field, edit));
}

fn save(org: &OrgAt, object: &str, id: &str, field: &str, value: &Value, contended: bool) -> Option<Edited> {
    let fields = json!({ field: value });
    let saved = as_colleague(org, |org, session| org.update(session, object, id, fields.as_object().expect("an object")).is_ok());
    let at = org.sim.with_org(|org| org.now());
    (saved == Some(true)).then(|| Edited { value: value.clone(), at, passed: org.clock.time.passed(), contended })
}

fn begin(org: &OrgAt, who: (usize, usize), deeds: &mut Deeds) {
    let Some((object, record)) = live(org, who).into_iter().next() else { return };
    let Some(id) = id(&record).filter(|_| !deeds.open.contains_key(&who)) else { return };
    let at = org.sim.with_org(|org| {
        org.lock(id);
        org.now()
    });
    deeds.open.insert(who, (object, id, at));
}

fn finish(org: &OrgAt, who: (usize, usize), field: &'static str, value: &Value, contended: bool, deeds: &mut Deeds) {
    let Some((object, id, at)) = deeds.open.remove(&who) else { return };
    org.sim.with_org(|org| org.unlock(&id));
    let fields = json!({ field: value });
    let saved = as_colleague(org, |org, session| {
        let then = Session { now: at, ..session.clone() };
        org.update(&then, object, id.as_str(), fields.as_object().expect("an object")).is_ok()
    });
    if saved == Some(true) {
        let passed = org.clock.time.passed();
        deeds.edited(who, field, Edited { value: value.clone(), at, passed, contended });
    }
}

/// The record of before stays, and is as it was.
fn absorb(org: &OrgAt, who: (usize, usize), deeds: &mut Deeds) {
    let lead = live(org, who).into_iter().find(|(object, _)| *object == "Lead").and_then(|(_, record)| id(&record));
    let Some(lead) = lead.filter(|_| !deeds.open.contains_key(&who)) else { return };
    let fields = json!({"LastName": "Entered twice", "Company": "Somewhere", BADGE: "none"});
    let merged = as_colleague(org, |org, session| {
        let other = org.create(session, "Lead", fields.as_object().expect("an object")).ok()?;
        org.merge(session, "Lead", lead, &[other]).ok()
    });
    if merged.flatten().is_some() {
        deeds.moved.insert(who, (org.sim.with_org(|org| org.now()), org.clock.time.passed()));
    }
}

fn convert(org: &OrgAt, who: (usize, usize), deeds: &mut Deeds) {
    let lead = live(org, who).into_iter().find(|(object, _)| *object == "Lead").and_then(|(_, record)| id(&record));
    let Some(lead) = lead else { return };
    let how = Conversion { account: None, contact: None, opportunity: None };
    if as_colleague(org, |org, session| org.convert_lead(session, lead, &how).is_ok()) == Some(true) {
        deeds.moved.insert(who, (org.sim.with_org(|org| org.now()), org.clock.time.passed()));
    }
}

fn merge(org: &OrgAt, who: (usize, usize), deeds: &mut Deeds) {
    let Some((_, lead)) = live(org, who).into_iter().find(|(object, _)| *object == "Lead") else { return };
    let Some(loser) = id(&lead) else { return };
    let kept = ["LastName", "FirstName", "Company", "Email", "Phone", "Title", "Description", "HasOptedOutOfEmail"];
    let fields: serde_json::Map<String, Value> =
        kept.iter().map(|field| ((*field).to_owned(), lead[*field].clone())).filter(|(_, value)| !value.is_null()).collect();
    let merged = as_colleague(org, |org, session| {
        let master = org.create(session, "Lead", &fields).ok()?;
        org.merge(session, "Lead", master, &[loser]).ok()
    });
    if merged.flatten().is_some() {
        deeds.moved.insert(who, (org.sim.with_org(|org| org.now()), org.clock.time.passed()));
    }
}

fn delete(org: &OrgAt, who: (usize, usize), deeds: &mut Deeds) {
    let Some((object, record)) = live(org, who).into_iter().next() else { return };
    let Some(id) = id(&record) else { return };
    if as_colleague(org, |org, session| org.delete(session, object, id.as_str()).is_ok()) == Some(true) {
        deeds.deleted.insert(who, org.clock.time.passed());
        deeds.restored.remove(&who);
        deeds.bin.insert(who, id);
    }
}

fn restore(org: &OrgAt, who: (usize, usize), deeds: &mut Deeds) {
    let Some(id) = deeds.bin.remove(&who) else { return };
    if as_colleague(org, |org, session| org.undelete(session, id).is_ok()) == Some(true) {
        deeds.restored.insert(who);
        deeds.moved.insert(who, (org.sim.with_org(|org| org.now()), org.clock.time.passed()));
    }
}

/// Enters a person again: a lead of another name with their address.
fn twin(org: &OrgAt, who: (usize, usize)) {
    let Some((_, record)) = live(org, who).into_iter().next() else { return };
    let fields = json!({"LastName": "Entered twice", "Company": "Somewhere", "Email": record["Email"], BADGE: "none"});
    as_colleague(org, |org, session| org.create(session, "Lead", fields.as_object().expect("an object")).is_ok());
}

fn alter(org: &OrgAt, tenant: usize, how: Alteration, deeds: &mut Deeds) {
    for sobject in ["Lead", "Contact"] {
        let field = badge(sobject);
        let altered = org.sim.with_org(|org| match how {
            Alteration::Removed => org.delete_custom_field(sobject, BADGE),
            Alteration::Required => org.change_custom_field(&CustomField { required: true, ..field }),
            Alteration::Short => org.change_custom_field(&CustomField { kind: CustomFieldKind::Text { length: 3 }, ..field }),
        });
        altered.expect("the field is there");
    }
    deeds.altered.insert(tenant, (how, None));
}

fn mend(org: &OrgAt, tenant: usize, deeds: &mut Deeds) {
    let Some((how, mended)) = deeds.altered.get_mut(&tenant).filter(|(_, mended)| mended.is_none()) else { return };
    for sobject in ["Lead", "Contact"] {
        let mend = |org: &mut Org| match how {
            Alteration::Removed => org.add_custom_field(&badge(sobject)).map(|_| ()),
            Alteration::Required | Alteration::Short => org.change_custom_field(&badge(sobject)),
        };
        org.sim.with_org(mend).expect("the field can be as it was");
    }
    *mended = Some(org.clock.time.passed());
}

/// Lets the integration user see a field, or not.
fn show(org: &OrgAt, access: FieldAccess) {
    for sobject in ["Lead", "Contact"] {
        let rule = FieldRule { sobject: sobject.to_owned(), field: "Phone".to_owned(), who: Who::User(INTEGRATION.0.to_owned()), access };
        org.sim.with_org(|org| org.set_field_access(&rule)).expect("the field is there");
    }
}
