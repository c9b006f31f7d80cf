//! A document made ready for use: templates and filters compiled once, time zone resolved.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::{
    company,
    config::{
        AccountMode, Action, ActivityAction, Campaign, Document, MappingOperation, MemberAction, Project, Toggle, Unlisted, WhenUnknown, Workflow,
    },
    event::{Event, PERSON_UPSERTED, is_blank},
    ids::{FieldName, ObjectName, ProjectId},
    mapping::{FieldMap, FieldMaps, Rule, UNSUBSCRIBED, merge::Direction},
    person::lookup,
    planner::KeyOfRecord,
    template::{Template, TemplateError},
    words::Sentence,
    workflow::{Filter, FilterError},
};

/// A configuration version, ready for planning.
#[derive(Debug, Clone)]
pub struct Engine {
    /// The document.
    pub document: Document,
    /// Its version.
    pub version: u64,
    /// The connection's time zone.
    pub zone: TimeZone,
    /// The org that the connection is tied to, where one was connected.
    pub organization: Option<String>,
    maps: FieldMaps,
    filters: BTreeMap<usize, Filter>,
    activities: BTreeMap<(usize, usize), ActivityTemplates>,
    keys: BTreeMap<(usize, usize), RecordKeyTemplate>,
    page: Option<Template>,
}

/// Where the key of a record comes from.
#[derive(Debug, Clone)]
struct RecordKeyTemplate {
    object: ObjectName,
    field: FieldName,
    value: Template,
}

/// The compiled texts of one activity action.
#[derive(Debug, Clone)]
pub struct ActivityTemplates {
    /// Subject.
    pub subject: Template,
    /// Type.
    pub kind: Option<Template>,
    /// Description.
    pub description: Option<Template>,
    /// Start.
    pub start: Option<Template>,
    /// End.
    pub end: Option<Template>,
}

/// Why a stored document cannot be used. Saving validates, so this means that it was saved by another version of Passerelle.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A filter.
    #[error("a filter of the configuration cannot be read")]
    Filter(#[from] FilterError),
    /// A template.
    #[error("a template of the configuration cannot be read")]
    Template(#[from] TemplateError),
    /// A field rule.
    #[error("a field rule of the configuration cannot be read, at {0}")]
    Rule(String),
    /// The time zone.
    #[error("the time zone of the configuration is not known")]
    Zone(#[source] jiff::Error),
}

/// Where an event belongs, as far as projects go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Placement<'e> {
    /// It is handled; with the project's settings, if it has any.
    Handled(Option<&'e Project>),
    /// Its project is switched off.
    Off,
    /// Its project is not listed, and such events are parked.
    Unknown(&'e ProjectId),
}

impl Engine {
    /// Compiles what the document holds.
    pub fn new(mut document: Document, version: u64) -> Result<Self, EngineError> {
        if !document.workflows.iter().any(|workflow| workflow.trigger == PERSON_UPSERTED) {
            document.workflows.push(Workflow::of_people());
        }
        let zone = TimeZone::get(&document.connection.time_zone).map_err(EngineError::Zone)?;
        let (mut filters, mut activities, mut keys) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for (w, workflow) in document.workflows.iter().enumerate() {
            if let Some(filter) = &workflow.filter {
                filters.insert(w, Filter::compile(filter)?);
            }
            for (a, action) in workflow.actions.iter().enumerate() {
                match action {
                    Action::Activity(activity) => _ = activities.insert((w, a), ActivityTemplates::compile(activity)?),
                    Action::Record(record) => {
                        let Some(mapping) = document.mappings.get(&record.mapping) else { continue };
                        let value = Template::compile(&record.key.value)?;
                        keys.insert((w, a), RecordKeyTemplate { object: mapping.object.clone(), field: record.key.field.clone(), value });
                    }
                    Action::Person(_) | Action::CampaignMember(_) | Action::Unsubscribe(_) => {}
                }
            }
        }
        let maps = FieldMaps::compile(&document)
            .map_err(|faults| EngineError::Rule(faults.into_iter().next().map(|fault| fault.place).unwrap_or_default()))?;
        let page = document.platform.person_page.as_deref().map(Template::compile).transpose()?;
        Ok(Self { document, version, zone, organization: None, maps, filters, activities, keys, page })
    }

    /// A sentence in the language of messages to this customer.
    #[must_use]
    pub fn say(&self, sentence: &Sentence) -> String {
        sentence.to(self.document.connection.language).to_owned()
    }

    /// The workflows that an event sets off, with their positions.
    pub fn matching<'e>(&'e self, event: &Event, context: &Value) -> Result<Vec<(usize, &'e Workflow)>, FilterError> {
        let mut matching = Vec::new();
        for (w, workflow) in self.document.workflows.iter().enumerate().filter(|(_, workflow)| workflow.trigger == event.kind) {
            let passes = self.filters.get(&w).map_or(Ok(true), |filter| filter.passes(context))?;
            if passes {
                matching.push((w, workflow));
            }
        }
        Ok(matching)
    }

    /// The compiled texts of action `a` of workflow `w`.
    #[must_use]
    pub fn activity(&self, w: usize, a: usize) -> Option<&ActivityTemplates> {
        self.activities.get(&(w, a))
    }

    /// The address of a person's page on the platform, for somebody with an id there.
    #[must_use]
    pub fn person_page(&self, context: &Value) -> Option<String> {
        let known = lookup(context, "person.id").is_some_and(|id| !is_blank(id));
        self.page.as_ref().filter(|_| known)?.render(context).ok().filter(|page| !page.is_empty())
    }

    /// The key that an event gives the record of action `a` of workflow `w`; `None` where that is no such action, or the key is blank.
    #[must_use]
    pub fn key_of_record(&self, w: usize, a: usize, context: &Value) -> Option<Result<KeyOfRecord, TemplateError>> {
        let key = self.keys.get(&(w, a))?;
        let value = match key.value.render(context) {
            Ok(value) => value.trim().to_owned(),
            Err(error) => return Some(Err(error)),
        };
        (!value.is_empty()).then(|| Ok(KeyOfRecord { object: key.object.clone(), field: key.field.clone(), value }))
    }

    /// The actions that an event may set off, with their positions; its filters are not looked at.
    pub fn possible_actions(&self, event: &Event) -> impl Iterator<Item = (usize, usize, &Action)> {
        let workflows = self.document.workflows.iter().enumerate().filter(move |(_, workflow)| workflow.trigger == event.kind);
        workflows.flat_map(|(w, workflow)| workflow.actions.iter().enumerate().map(move |(a, action)| (w, a, action)))
    }

    /// The campaign that an action is about: its own, else the project's.
    #[must_use]
    pub fn campaign_of<'e>(&'e self, action: &'e MemberAction, event: &Event) -> Option<&'e Campaign> {
        let project = event.project.as_ref().and_then(|project| self.project(Some(&project.id)));
        action.campaign.as_ref().or_else(|| project?.campaign.as_ref())
    }

    /// The attribute that says that somebody wants no e-mails: the one that a rule for people maps, else one of our own.
    #[must_use]
    pub fn opt_out_path(&self) -> &str {
        let rules = ["Lead", "Contact"].into_iter().filter_map(|object| self.person_map(object)).flat_map(FieldMap::all);
        rules.filter(|rule| rule.is_opt_out()).find_map(Rule::from).unwrap_or(UNSUBSCRIBED)
    }

    /// Where an event belongs.
    #[must_use]
    pub fn placement<'e>(&'e self, event: &'e Event) -> Placement<'e> {
        let Some(reference) = &event.project else { return Placement::Handled(None) };
        match (self.project(Some(&reference.id)), self.document.projects.unlisted) {
            (Some(project), _) if project.integration == Toggle::Off => Placement::Off,
            (Some(project), _) => Placement::Handled(Some(project)),
            (None, Unlisted::Accept) => Placement::Handled(None),
            (None, Unlisted::Park) => Placement::Unknown(&reference.id),
        }
    }

    /// The compiled field rules.
    #[must_use]
    pub fn maps(&self) -> &FieldMaps {
        &self.maps
    }

    /// A project's settings.
    #[must_use]
    pub fn project(&self, id: Option<&ProjectId>) -> Option<&Project> {
        self.document.projects.list.get(id?)
    }

    /// The mapping of people for `Lead` or `Contact`: the configured one, else the default one. For `Account` that of their companies,
    /// where there is one.
    #[must_use]
    pub fn person_map(&self, object: &str) -> Option<&FieldMap> {
        match self.document.mapping_of(object) {
            Some(name) => self.maps.named(name),
            None => self.maps.default_of(object),
        }
    }

    /// Every field of an object that a rule for people may write.
    #[must_use]
    pub fn person_fields(&self, object: &str) -> BTreeSet<&FieldName> {
        self.person_map(object).into_iter().flat_map(FieldMap::all).map(|rule| &rule.to).collect()
    }

    /// Whether a rule for people may depend on what the record has.
    #[must_use]
    pub fn reads(&self, object: &str) -> bool {
        let document = &self.document;
        self.person_map(object).into_iter().flat_map(FieldMap::all).any(|rule| {
            let mut projects = document.projects.list.values().map(Some).chain([None]);
            rule.required || projects.any(|project| rule.reads(project, &document.people))
        })
    }

    /// The fields of an object for which the time of a value may decide.
    #[must_use]
    pub fn dated_fields(&self, object: &str) -> BTreeSet<&FieldName> {
        let rules = self.person_map(object).into_iter().flat_map(FieldMap::all);
        rules.filter(|rule| rule.goes_by_time()).map(|rule| &rule.to).collect()
    }

    /// Whether records of that object are updated once they exist.
    #[must_use]
    pub fn updates(&self, object: &str) -> bool {
        let people = &self.document.people;
        match object {
            "Lead" => people.update_leads == Toggle::On,
            "Contact" => people.update_contacts == Toggle::On,
            "Account" => self.person_map(object).is_some_and(|map| map.operation != MappingOperation::Create && map.all().any(Rule::is_of_company)),
            _ => false,
        }
    }

    /// Whether a rule for people has to do with who owns records of an object.
    #[must_use]
    pub fn maps_owner(&self, object: &str) -> bool {
        self.person_map(object).into_iter().flat_map(FieldMap::all).any(|rule| rule.owner)
    }

    /// Whether a run looks at what Salesforce has changed in accounts.
    #[must_use]
    pub fn pulls_accounts(&self) -> bool {
        let pulls = |map: &FieldMap| map.all().any(|rule| rule.is_of_company() && rule.direction != Direction::ToSalesforce);
        self.person_map("Account").is_some_and(pulls)
    }

    /// Whether contacts take a field of their accounts, so that a change of these concerns them.
    #[must_use]
    pub fn pulls_of_relations(&self) -> bool {
        let rules = self.person_map("Contact").into_iter().flat_map(FieldMap::all);
        rules.filter(|rule| rule.direction != Direction::ToSalesforce).any(|rule| rule.to.is_of_relation())
    }

    /// Whether it matters which company is whose: for the accounts of new contacts, or for accounts that are there.
    #[must_use]
    pub fn keeps_companies(&self) -> bool {
        let people = &self.document.people;
        people.account.mode != AccountMode::Off
            && (people.when_unknown == WhenUnknown::Contact || self.person_map("Account").is_some_and(|map| map.all().any(Rule::is_of_company)))
    }

    /// What an event says of its person's company.
    #[must_use]
    pub fn company_of(&self, event: &Event) -> Option<Map<String, Value>> {
        company::stated(event, &self.document.people.account.name_from)
    }

    /// Every attribute path that a person mapping reads.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        ["Lead", "Contact"].into_iter().filter_map(|object| self.person_map(object)).flat_map(FieldMap::paths)
    }

    /// Whether a rule takes the blank of an attribute for a statement.
    #[must_use]
    pub fn clears(&self, path: &str) -> bool {
        let rules = ["Lead", "Contact", "Account"].into_iter().filter_map(|object| self.person_map(object)).flat_map(FieldMap::all);
        rules.filter(|rule| rule.clears).any(|rule| rule.from() == Some(path))
    }
}

impl ActivityTemplates {
    fn compile(activity: &ActivityAction) -> Result<Self, TemplateError> {
        let optional = |text: &Option<String>| text.as_deref().map(Template::compile).transpose();
        Ok(Self {
            subject: Template::compile(&activity.subject)?,
            kind: optional(&activity.kind)?,
            description: optional(&activity.description)?,
            start: optional(&activity.start)?,
            end: optional(&activity.end)?,
        })
    }
}
