//! Which fields of the org a document uses, and where it says so.

use serde_json::Value;

use super::{
    config::{AccountMode, Action, Document, FieldRule, MappingOperation, Overflow, Toggle, Transformation, WhenUnknown},
    ids::{FieldName, MappingName, ObjectName},
    mapping::{FieldMaps, Scene},
};

/// One field that a rule of the document writes.
#[derive(Debug, Clone, PartialEq)]
pub struct Use {
    /// The object.
    pub object: ObjectName,
    /// The field.
    pub field: FieldName,
    /// The rule's place in the document.
    pub place: String,
    /// The attribute's path; `None` for a value that the document sets.
    pub from: Option<String>,
    /// Whether there is a value for everybody.
    pub feed: Feed,
    /// Values that the document itself names for the field: fixed ones, defaults, and what value maps give.
    pub constants: Vec<Value>,
    /// Whether it is a rule of the connection, not of a project or workflow.
    pub general: bool,
}

/// Whether a field gets a value for everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    /// It does.
    Always,
    /// The attribute may be blank.
    Sometimes,
    /// The document does not declare the attribute.
    Unknown,
}

/// What is done with the records of an object, and where the document says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The object.
    pub object: ObjectName,
    /// Whether records are made.
    pub creates: bool,
    /// Whether records that exist are changed.
    pub updates: bool,
    /// Where the document says so.
    pub place: String,
}

/// Every use of a field: of the named mappings, and of the default one where people have no other.
#[must_use]
pub fn uses(document: &Document, maps: &FieldMaps) -> Vec<Use> {
    let mut uses = Vec::new();
    for (name, mapping) in &document.mappings {
        let place = format!("mappings.{name}");
        take(document, &mapping.object, &place, &mapping.fields, mapping.fixed.iter(), true, &mut uses);
    }
    let projects =
        document.projects.list.iter().flat_map(|(id, project)| {
            project.mappings.iter().map(move |(name, overlay)| (name, overlay, format!("projects.list.{id}.mappings.{name}")))
        });
    let workflows =
        document.workflows.iter().enumerate().flat_map(|(w, workflow)| {
            workflow.mappings.iter().map(move |(name, overlay)| (name, overlay, format!("workflows[{w}].mappings.{name}")))
        });
    for (name, overlay, place) in projects.chain(workflows) {
        if let Some(object) = document.object_of(name) {
            take(document, &object, &place, &overlay.fields, overlay.fixed.iter(), false, &mut uses);
        }
    }
    for object in ["Lead", "Contact"] {
        for rule in maps.default_of(object).into_iter().flat_map(|map| map.rules(&Scene::default())) {
            let path = rule.from().unwrap_or_default();
            let place = format!("people.{}_mapping", object.to_lowercase());
            let feed = feed(document, &FieldRule::plain(path, rule.to.clone()));
            let (object, field) = (ObjectName::known(object), rule.to.clone());
            uses.push(Use { object, field, place, from: Some(path.to_owned()), feed, constants: Vec::new(), general: true });
        }
    }
    uses
}

fn take<'d>(
    document: &Document,
    object: &ObjectName,
    place: &str,
    rules: &[FieldRule],
    fixed: impl Iterator<Item = (&'d FieldName, &'d Value)>,
    general: bool,
    uses: &mut Vec<Use>,
) {
    uses.extend(rules.iter().enumerate().map(|(i, rule)| Use {
        object: object.clone(),
        field: rule.to.clone(),
        place: format!("{place}.fields[{i}]"),
        from: Some(rule.from.clone()),
        feed: feed(document, rule),
        constants: constants(rule),
        general,
    }));
    uses.extend(fixed.map(|(field, value)| Use {
        object: object.clone(),
        field: field.clone(),
        place: format!("{place}.static.{field}"),
        from: None,
        feed: Feed::Always,
        constants: vec![value.clone()],
        general,
    }));
}

fn feed(document: &Document, rule: &FieldRule) -> Feed {
    if rule.transform.iter().any(|step| matches!(step, Transformation::Default(_))) {
        return Feed::Always;
    }
    match document.platform.attributes.iter().find(|attribute| attribute.name == rule.from) {
        Some(attribute) if attribute.required => Feed::Always,
        Some(_) => Feed::Sometimes,
        None => Feed::Unknown,
    }
}

/// The values that a rule names and that no later step changes.
fn constants(rule: &FieldRule) -> Vec<Value> {
    let mut found: Vec<Value> = rule.values.values().cloned().map(Value::from).collect();
    if let Overflow::Default(value) = &rule.overflow {
        found.push(value.clone());
    }
    // Only what the last step names arrives as it is written.
    match rule.transform.last().filter(|_| rule.values.is_empty()) {
        Some(Transformation::Values(values)) => found.extend(values.map.values().chain(&values.otherwise).cloned().map(Value::from)),
        Some(Transformation::Default(value)) => found.push(value.clone()),
        _ => {}
    }
    found
}

/// The objects that the document has to do with, those of people first.
#[must_use]
pub fn targets(document: &Document) -> Vec<Target> {
    let people = &document.people;
    let target =
        |object: &'static str, creates, updates, place: &str| Target { object: ObjectName::known(object), creates, updates, place: place.to_owned() };
    // A mapping that makes no records, or changes none, has the last word.
    let person = |object, unknown, updates| {
        let mapping = document.mapping_of(object).and_then(|name| document.mappings.get(name));
        let operation = mapping.map(|mapping| mapping.operation).unwrap_or_default();
        let creates = people.when_unknown == unknown && operation != MappingOperation::Update;
        target(object, creates, updates == Toggle::On && operation != MappingOperation::Create, "people.when_unknown")
    };
    let mut targets = vec![person("Lead", WhenUnknown::Lead, people.update_leads), person("Contact", WhenUnknown::Contact, people.update_contacts)];
    for (w, workflow) in document.workflows.iter().enumerate() {
        for (a, action) in workflow.actions.iter().enumerate() {
            let place = format!("workflows[{w}].actions[{a}]");
            let more = match action {
                Action::Activity(activity) => Target {
                    object: document.object_of_activity(activity.object),
                    creates: true,
                    updates: false,
                    place: format!("{place}.activity.object"),
                },
                Action::CampaignMember(_) => target("CampaignMember", true, true, &format!("{place}.campaign_member")),
                Action::Record(record) => {
                    let Some(mapping) = document.mappings.get(&record.mapping) else { continue };
                    let (creates, updates) = (mapping.operation != MappingOperation::Update, mapping.operation != MappingOperation::Create);
                    Target { object: mapping.object.clone(), creates, updates, place: format!("{place}.record.mapping") }
                }
                Action::Person(_) | Action::Unsubscribe(_) => continue,
            };
            if targets.iter().all(|known| known.object != more.object) {
                targets.push(more);
            }
        }
    }
    let of_companies = document.mapping_of("Account").and_then(|name| document.mappings.get(name));
    let updates =
        of_companies.is_some_and(|map| map.operation != MappingOperation::Create && map.fields.iter().any(|rule| rule.from.starts_with("company.")));
    let creates = people.account.mode == AccountMode::FindOrCreate;
    if creates || updates {
        targets.push(target("Account", creates, updates, "people.account.mode"));
    }
    for (name, mapping) in &document.mappings {
        if targets.iter().all(|known| known.object != mapping.object) {
            let object = mapping.object.clone();
            targets.push(Target { object, creates: false, updates: false, place: format!("mappings.{name}.object") });
        }
    }
    targets
}

/// Where the rules of an object begin: its mapping, or the place that could name one.
#[must_use]
pub fn mapping_place(document: &Document, object: &str) -> String {
    let named = |name: &MappingName| format!("mappings.{name}");
    match object {
        "Lead" => document.mapping_of(object).map_or_else(|| "people.lead_mapping".to_owned(), named),
        "Contact" => document.mapping_of(object).map_or_else(|| "people.contact_mapping".to_owned(), named),
        other => document
            .mappings
            .iter()
            .find(|(_, mapping)| mapping.object.as_str() == other)
            .map_or_else(|| "mappings".to_owned(), |(name, _)| named(name)),
    }
}
