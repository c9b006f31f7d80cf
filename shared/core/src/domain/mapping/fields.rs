//! All field rules of a document, compiled: each mapping with its changes by project and workflow.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    Attribute, AttributeType, Rule, Source,
    merge::{Direction, Strategy},
    preflight::Overflow,
    rule::OPT_OUT,
    transform::{Chain, Transformation, Values, check_path},
};
use crate::domain::{
    config::{Action, ConfigFault, Document, FieldRule, MappingOperation, Overlay},
    event::is_blank,
    ids::{FieldName, MappingName, ObjectName, ProjectId},
    near::near,
};

/// The compiled mappings of a document.
#[derive(Debug, Clone, Default)]
pub struct FieldMaps {
    by_name: BTreeMap<MappingName, FieldMap>,
    defaults: BTreeMap<&'static str, FieldMap>,
}

/// One compiled mapping.
#[derive(Debug, Clone)]
pub struct FieldMap {
    /// The object.
    pub object: ObjectName,
    /// Whether records are made, changed, or both.
    pub operation: MappingOperation,
    connection: BTreeMap<FieldName, Rule>,
    projects: BTreeMap<ProjectId, Layer>,
    workflows: BTreeMap<usize, Layer>,
}

/// The changes of one project or workflow; `None` unmaps the field.
type Layer = BTreeMap<FieldName, Option<Rule>>;

/// Whose changes hold: a project's, and above them those of workflows, the last one's first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scene<'s> {
    /// The project.
    pub project: Option<&'s ProjectId>,
    /// The positions of the workflows in the document.
    pub workflows: Vec<usize>,
}

/// The mapping that is there when nothing is configured: attribute, field, and whether contacts have it too.
const DEFAULT: [(&str, &str, bool); 5] = [
    ("person.first_name", "FirstName", true),
    ("person.last_name", "LastName", true),
    ("person.email", "Email", true),
    ("person.job", "Title", true),
    ("person.company", "Company", false),
];

/// The field of the user or queue that a record belongs to.
pub const OWNER: &str = "OwnerId";

/// What is known of everybody without being stated: the address of their page on the platform, and the moment of the write.
const PERSON_PAGE: &str = "platform.person_page";
const SYNCED_AT: &str = "salesforce.synced_at";
/// The attribute with the platform's id.
const PERSON_ID: &str = "person.id";

fn is_special(path: &str) -> bool {
    [PERSON_PAGE, SYNCED_AT].contains(&path)
}

/// The attribute that workflows set who take an event for a wish to get no e-mails, where no rule maps one.
pub const UNSUBSCRIBED: &str = "person.unsubscribed";

impl FieldMaps {
    /// Compiles every rule of a document.
    ///
    /// # Errors
    /// Every fault, at its place.
    pub fn compile(document: &Document) -> Result<Self, Vec<ConfigFault>> {
        let mut compiler = Compiler { document, faults: Vec::new() };
        let mut maps = Self::default();
        for (name, mapping) in &document.mappings {
            let connection = compiler.rules(&format!("mappings.{name}"), &mapping.object, &mapping.fields, &mapping.fixed);
            let map = FieldMap {
                object: mapping.object.clone(),
                operation: mapping.operation,
                connection,
                projects: BTreeMap::new(),
                workflows: BTreeMap::new(),
            };
            maps.by_name.insert(name.clone(), map);
        }
        for (object, contact) in [("Lead", false), ("Contact", true)] {
            if document.mapping_of(object).is_none() {
                maps.defaults.insert(object, compiler.default_map(object, contact));
            }
        }
        for (id, project) in &document.projects.list {
            for (name, overlay) in &project.mappings {
                let place = format!("projects.list.{id}.mappings.{name}");
                if let Some((layer, map)) = compiler.layer(&place, name, overlay, &mut maps) {
                    map.projects.insert(id.clone(), layer);
                }
            }
        }
        for (w, workflow) in document.workflows.iter().enumerate() {
            for (name, overlay) in &workflow.mappings {
                let place = format!("workflows[{w}].mappings.{name}");
                if let Some((layer, map)) = compiler.layer(&place, name, overlay, &mut maps) {
                    map.workflows.insert(w, layer);
                }
            }
        }
        maps.add_opt_out(document);
        if compiler.faults.is_empty() { Ok(maps) } else { Err(compiler.faults) }
    }

    /// Where a workflow unsubscribes people, the field that says so has a rule, whether or not the document maps it.
    fn add_opt_out(&mut self, document: &Document) {
        let mut actions = document.workflows.iter().enumerate().flat_map(|(w, workflow)| workflow.actions.iter().map(move |action| (w, action)));
        let Some((w, _)) = actions.find(|(_, action)| matches!(action, Action::Unsubscribe(_))) else { return };
        let names: BTreeSet<&MappingName> = ["Lead", "Contact"].into_iter().filter_map(|object| document.mapping_of(object)).collect();
        let of_people = self.by_name.iter_mut().filter(|(name, _)| names.contains(name)).map(|(_, map)| map);
        let mapped = of_people.chain(self.defaults.values_mut()).filter(|map| !map.all().any(Rule::is_opt_out));
        for map in mapped.collect::<Vec<_>>() {
            let to = FieldName::known(OPT_OUT);
            let source = Source::Attribute(UNSUBSCRIBED.to_owned());
            let rule = Rule { source, ..fixed_rule(&to, &Value::Null, format!("workflows[{w}]")) };
            map.connection.insert(to, rule);
        }
    }

    /// A mapping by its name.
    #[must_use]
    pub fn named(&self, name: &MappingName) -> Option<&FieldMap> {
        self.by_name.get(name)
    }

    /// The same with the types that the platform itself tells of its attributes, in the place of declared ones.
    #[must_use]
    pub fn typed(&self, attributes: &[Attribute]) -> Self {
        let mut maps = self.clone();
        let kinds: BTreeMap<&str, AttributeType> = attributes.iter().map(|attribute| (attribute.name.as_str(), attribute.kind)).collect();
        for map in maps.by_name.values_mut().chain(maps.defaults.values_mut()) {
            let layers = map.projects.values_mut().chain(map.workflows.values_mut()).flat_map(BTreeMap::values_mut).flatten();
            for rule in map.connection.values_mut().chain(layers) {
                if let Some(kind) = rule.from().and_then(|path| kinds.get(path)).copied() {
                    rule.kind = Some(kind);
                    rule.chain.begin_with(kind);
                }
            }
        }
        maps
    }

    /// Every mapping: those that the document names, and the default ones where it names none for people.
    pub fn all(&self) -> impl Iterator<Item = &FieldMap> {
        self.by_name.values().chain(self.defaults.values())
    }

    /// The mapping of people that become records of an object and have no mapping configured.
    #[must_use]
    pub fn default_of(&self, object: &str) -> Option<&FieldMap> {
        self.defaults.get(object)
    }
}

impl FieldMap {
    /// Every rule of every layer.
    pub fn all(&self) -> impl Iterator<Item = &Rule> {
        let layers = self.projects.values().chain(self.workflows.values());
        self.connection.values().chain(layers.flat_map(BTreeMap::values).flatten())
    }

    /// Every attribute that any rule looks at.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.all().flat_map(|rule| rule.from().into_iter().chain(rule.chain.paths()))
    }

    /// The rule that holds for a field: workflow before project before connection.
    #[must_use]
    pub fn rule(&self, field: &FieldName, scene: &Scene<'_>) -> Option<&Rule> {
        let workflows = scene.workflows.iter().rev().filter_map(|w| self.workflows.get(w));
        let project = scene.project.and_then(|id| self.projects.get(id));
        match workflows.chain(project).find_map(|layer| layer.get(field)) {
            Some(changed) => changed.as_ref(),
            None => self.connection.get(field),
        }
    }

    /// The rules that hold, one per field, in the order of the fields' names.
    #[must_use]
    pub fn rules(&self, scene: &Scene<'_>) -> Vec<&Rule> {
        if self.projects.is_empty() && self.workflows.is_empty() {
            return self.connection.values().collect();
        }
        let fields: BTreeSet<&FieldName> = self
            .connection
            .keys()
            .chain(scene.project.and_then(|id| self.projects.get(id)).into_iter().flat_map(BTreeMap::keys))
            .chain(scene.workflows.iter().filter_map(|w| self.workflows.get(w)).flat_map(BTreeMap::keys))
            .collect();
        fields.into_iter().filter_map(|field| self.rule(field, scene)).collect()
    }
}

/// The name under which a field's record is written when it is found by a key: `Site__r` of `Site__c`, `Account` of `AccountId`.
/// `None` where the field refers to records of several objects, or to none.
#[must_use]
pub fn relationship(field: &FieldName) -> Option<FieldName> {
    let name = field.as_str();
    if matches!(name, "WhoId" | "WhatId" | "OwnerId") {
        return None;
    }
    let name = name.strip_suffix("__c").map(|stem| format!("{stem}__r")).or_else(|| name.strip_suffix("Id").map(str::to_owned))?;
    FieldName::parse(&name).ok()
}

struct Compiler<'d> {
    document: &'d Document,
    faults: Vec<ConfigFault>,
}

impl Compiler<'_> {
    fn fault(&mut self, place: String, message: impl Into<String>) {
        self.faults.push(ConfigFault { place, message: message.into() });
    }

    fn default_map(&mut self, object: &'static str, contact: bool) -> FieldMap {
        let rows = DEFAULT.iter().filter(|(.., contacts)| *contacts || !contact);
        let rules: Vec<FieldRule> = rows.map(|(from, to, _)| FieldRule::plain(from, FieldName::known(to))).collect();
        FieldMap {
            object: ObjectName::known(object),
            operation: MappingOperation::default(),
            // Attributes that the platform does not declare simply have no values.
            connection: rules
                .iter()
                .filter_map(|rule| Some((rule.to.clone(), self.compile(rule, object, "default mapping".to_owned(), None)?)))
                .collect(),
            projects: BTreeMap::new(),
            workflows: BTreeMap::new(),
        }
    }

    fn rules(&mut self, place: &str, object: &ObjectName, fields: &[FieldRule], fixed: &BTreeMap<FieldName, Value>) -> BTreeMap<FieldName, Rule> {
        let mut rules = BTreeMap::new();
        for (i, rule) in fields.iter().enumerate() {
            let place = format!("{place}.fields[{i}]");
            if rules.contains_key(&rule.to) {
                self.fault(format!("{place}.to"), format!("{} has a rule already; a field can have one.", rule.to));
            }
            let kind = self.declared(rule, &place);
            if let Some(compiled) = self.compile(rule, object.as_str(), place, kind) {
                rules.insert(rule.to.clone(), compiled);
            }
        }
        for (field, value) in fixed {
            let place = format!("{place}.static.{field}");
            if field.is_of_relation() {
                self.fault(place.clone(), "This is a field of another record, which is not written.");
            }
            if value.is_object() || value.is_null() {
                self.fault(place.clone(), "Write a text, a number, true, false or a list of texts.");
            }
            if rules.insert(field.clone(), fixed_rule(field, value, place.clone())).is_some() {
                self.fault(place, format!("{field} has a rule already; a field can have one."));
            }
        }
        rules
    }

    fn layer<'m>(&mut self, place: &str, name: &MappingName, overlay: &Overlay, maps: &'m mut FieldMaps) -> Option<(Layer, &'m mut FieldMap)> {
        let map = match self.document.default_called(name) {
            Some(object) => maps.defaults.get_mut(object),
            None => maps.by_name.get_mut(name),
        };
        let Some(map) = map else {
            self.fault(place.to_owned(), format!("There is no mapping called {name}."));
            return None;
        };
        let rules = self.rules(place, &map.object, &overlay.fields, &overlay.fixed);
        let mut layer: Layer = rules.into_iter().map(|(field, rule)| (field, Some(rule))).collect();
        for field in &overlay.unmapped {
            if !map.connection.contains_key(field) {
                self.fault(format!("{place}.unmapped"), format!("{field} is not part of the mapping {name}."));
            }
            if layer.insert(field.clone(), None).is_some() {
                self.fault(format!("{place}.unmapped"), format!("{field} is mapped and unmapped at the same time."));
            }
        }
        Some((layer, map))
    }

    /// The declared type of a rule's attribute. Where the platform's attributes are declared at all, all must be.
    fn declared(&mut self, rule: &FieldRule, place: &str) -> Option<AttributeType> {
        if rule.from == PERSON_PAGE && self.document.platform.person_page.is_none() {
            self.fault(format!("{place}.from"), "No page is named; write its address into platform.person_page.");
        }
        if let Err(message) = check_path(&rule.from).or_else(|message| if is_special(&rule.from) { Ok(()) } else { Err(message) }) {
            self.fault(format!("{place}.from"), message);
            return None;
        }
        let attributes = &self.document.platform.attributes;
        match rule.from.as_str() {
            SYNCED_AT => return Some(AttributeType::Datetime),
            PERSON_PAGE => return None,
            _ => {}
        }
        let declared = attributes.iter().find(|attribute| attribute.name == rule.from);
        if declared.is_none() && !attributes.is_empty() {
            self.undeclared(format!("{place}.from"), &rule.from);
        }
        declared.map(|attribute| attribute.kind)
    }

    fn undeclared(&mut self, place: String, path: &str) {
        let names = self.document.platform.attributes.iter().map(|attribute| attribute.name.as_str());
        let cure = near(path, names).map_or_else(|| "correct the name".to_owned(), |name| format!("write {name}"));
        self.fault(place, format!("{path} is not declared; add it to platform.attributes, or {cure}."));
    }

    /// The further attributes that a step reads. A part of a declared structure is declared with it.
    fn step_paths(&mut self, chain: &Chain, place: &str) {
        let attributes = &self.document.platform.attributes;
        let is_declared = |path: &str| {
            attributes.iter().any(|attribute| path.strip_prefix(&attribute.name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
        };
        let unknown: Vec<(usize, &str)> = chain.step_paths().filter(|(_, path)| !attributes.is_empty() && !is_declared(path)).collect();
        for (step, path) in unknown {
            self.undeclared(format!("{place}.transform[{step}]"), path);
        }
    }

    fn compile(&mut self, rule: &FieldRule, object: &str, place: String, kind: Option<AttributeType>) -> Option<Rule> {
        let mut steps = rule.transform.clone();
        let page = self.document.platform.person_page.as_ref().filter(|_| rule.from == PERSON_PAGE);
        // Nobody has a page who has no id.
        steps.splice(0..0, page.map(|page| Transformation::Template(format!("{{% if person.id %}}{page}{{% endif %}}"))));
        if !rule.values.is_empty() {
            steps.push(Transformation::Values(Values { map: rule.values.clone(), otherwise: None }));
        }
        let chain = match Chain::compile(&steps, &format!("{place}.transform"), kind, self.document.connection.country.as_deref()) {
            Ok(chain) => chain,
            Err(faults) => {
                self.faults.extend(faults);
                return None;
            }
        };
        self.step_paths(&chain, &place);
        if matches!(kind, Some(AttributeType::File | AttributeType::Picture)) {
            self.fault(format!("{place}.from"), "Files and pictures are not sent; map the address where they can be seen.");
        }
        let owner = rule.to.as_str() == OWNER && rule.by.as_ref().is_some_and(|by| by.as_str() == "Email");
        let by = rule.by.clone().filter(|_| !owner);
        if owner && rule.clears {
            self.fault(format!("{place}.clears"), "Every record has an owner; leave `clears` out.");
        }
        if owner && rule.direction != Direction::ToSalesforce && !kind.is_none_or(|kind| matches!(kind, AttributeType::Email | AttributeType::Text)) {
            self.fault(format!("{place}.from"), "The owner comes back as an e-mail address; declare the attribute as an email.");
        }
        if by.is_some() && (rule.direction != Direction::ToSalesforce || rule.clears) {
            self.fault(format!("{place}.by"), "A record that is found by a key is not read back; choose to_salesforce, without clears.");
        }
        if by.is_some() && relationship(&rule.to).is_none() {
            self.fault(format!("{place}.by"), format!("{} refers to no single kind of record; map it from an id.", rule.to));
        }
        if rule.direction != Direction::ToSalesforce && !chain.goes_back() {
            self.fault(format!("{place}.direction"), "Values cannot come back through these transformations; choose to_salesforce.");
        }
        if is_special(&rule.from) && rule.clears {
            self.fault(format!("{place}.clears"), "This is never taken away; leave `clears` out.");
        }
        let (root, whose) = if object == "Account" { ("company.", "company") } else { ("person.", "person") };
        if rule.direction != Direction::ToSalesforce && !rule.from.starts_with(root) {
            self.fault(format!("{place}.direction"), format!("Only attributes of the {whose} can be written back; choose to_salesforce."));
        }
        let of_account = object == "Contact" && rule.to.as_str().starts_with("Account.") && rule.direction == Direction::ToPlatform;
        if rule.to.is_of_relation() && !of_account {
            self.fault(
                format!("{place}.to"),
                "Of other records, fields of a contact's account can be read: write Account.FIELD with direction to_platform.",
            );
        }
        if matches!(&rule.overflow, Overflow::Default(value) if value.is_object() || is_blank(value)) {
            self.fault(format!("{place}.overflow.default"), "Write a text, a number, true, false or a list of texts.");
        }
        Some(Rule {
            to: rule.to.clone(),
            by,
            owner,
            source: match rule.from.as_str() {
                SYNCED_AT => Source::SyncedAt,
                PERSON_PAGE => Source::Attribute(PERSON_ID.to_owned()),
                path => Source::Attribute(path.to_owned()),
            },
            kind,
            chain,
            // No look at the record decides about a moment.
            strategy: if rule.from == SYNCED_AT { Strategy::AlwaysPlatform } else { rule.strategy },
            direction: rule.direction,
            update_blanks: rule.update_blanks,
            clears: rule.clears,
            overflow: rule.overflow.clone(),
            required: rule.required,
            place,
        })
    }
}

fn fixed_rule(field: &FieldName, value: &Value, place: String) -> Rule {
    Rule {
        to: field.clone(),
        by: None,
        owner: false,
        source: Source::Fixed(value.clone()),
        kind: None,
        chain: Chain::default(),
        strategy: Strategy::Inherit,
        direction: Direction::ToSalesforce,
        update_blanks: false,
        clears: false,
        overflow: Overflow::Park,
        required: false,
        place,
    }
}
