//! From untrusted JSON to a document that can be relied on, with every fault named by its place.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Action, ActivityObject, Auth, Campaign, Document, MemberAction, OwnerFallback, RecordAction, RecordFields, Toggle, Webhook, short_form};
use crate::domain::{
    company,
    event::CONTEXT,
    hook::Reader,
    ids::{MappingName, RecordId},
    mapping::{FieldMaps, preflight, transform},
    mautic::{is_kept, is_kept_company},
    near::near,
    template::Template,
    words::Sentence,
    workflow::Filter,
};

/// One fault of a document.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ConfigFault {
    /// Where, as a path, for example `workflows[2].actions[0].activity.subject`.
    pub place: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// The place of the platform's webhook in a document.
pub const WEBHOOK_URL: &str = "platform.webhook.url";
/// The place of the address of the platform's API.
pub const MAUTIC_URL: &str = "platform.mautic.url";

/// Functions that every template has.
const GLOBALS: [&str; 4] = ["range", "dict", "namespace", "debug"];

/// Parses and validates a document. All faults of the second kind (references, templates, filters, field rules, time zone)
/// are listed at once; a wrong shape stops at the first, with its place.
pub fn parse_document(json: &Value) -> Result<Document, Vec<ConfigFault>> {
    let document: Document = serde_path_to_error::deserialize(short_form::expand(json))
        .map_err(|error| vec![ConfigFault { place: error.path().to_string(), message: format!("{}.", error.inner()) }])?;
    let faults = faults(&document);
    if faults.is_empty() { Ok(document) } else { Err(faults) }
}

/// The JSON Schema of the document, as text with a line feed at the end.
#[must_use]
pub fn json_schema() -> String {
    let schema = schemars::schema_for!(Document);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

/// Most contacts: Amazon SES takes fifty recipients with one mail.
const MOST_CONTACTS: usize = 50;

fn contact_faults(document: &Document, fault: &mut impl FnMut(String, String)) {
    let contacts = &document.connection.contacts;
    for (n, contact) in contacts.iter().enumerate().filter(|(_, contact)| !preflight::is_email_address(contact)) {
        fault(format!("connection.contacts[{n}]"), format!("{contact:?} is not an e-mail address; write one like admin@customer.example."));
    }
    if contacts.len() > MOST_CONTACTS {
        fault("connection.contacts".to_owned(), format!("{} people would be told; name {MOST_CONTACTS} at most.", contacts.len()));
    }
}

fn faults(document: &Document) -> Vec<ConfigFault> {
    let mut faults = Vec::new();
    let mut fault = |place: String, message: String| faults.push(ConfigFault { place, message });

    if jiff::tz::TimeZone::get(&document.connection.time_zone).is_err() {
        let message = format!("{:?} is not a time zone; write one like Europe/Paris.", document.connection.time_zone);
        fault("connection.time_zone".to_owned(), message);
    }
    contact_faults(document, &mut fault);
    if let Some(Err(message)) = document.connection.country.as_deref().map(transform::parse_country) {
        fault("connection.country".to_owned(), message);
    }
    let people = &document.people;
    mapping_fault(document, "lead", people.lead_mapping.as_ref(), &mut fault);
    mapping_fault(document, "contact", people.contact_mapping.as_ref(), &mut fault);
    attribute_faults(document, &mut fault);
    if let Some(Err(refusal)) = document.platform.webhook.as_ref().map(Webhook::parse_url) {
        fault(WEBHOOK_URL.to_owned(), refusal.to(document.connection.language).to_owned());
    }
    mautic_faults(document, &mut fault);
    if let Some(page) = &document.platform.person_page {
        template_faults("platform.person_page", page, &mut fault);
    }
    auth_faults(document, &mut fault);
    if let Err(name) = document.salesforce.timeline.named() {
        fault("salesforce.timeline.namespace".to_owned(), format!("{name} is no API name; write the prefix without underscores at its end."));
    }
    workflow_faults(document, &mut fault);
    campaign_faults(document, &mut fault);
    owner_faults(document, &mut fault);
    action_mapping_fault(document, people.account.mapping.as_ref(), Some("Account"), "people.account.mapping", &mut fault);
    if !company::may_name(&people.account.name_from) {
        let message = "Write a path that begins with person or data, like person.company.";
        fault("people.account.name_from".to_owned(), message.to_owned());
    }
    for (place, message) in Reader::compile(&document.source.format).err().into_iter().flatten() {
        faults.push(ConfigFault { place: format!("source.format.{place}"), message });
    }
    if let Err(more) = FieldMaps::compile(document) {
        faults.extend(more);
    }
    faults
}

fn mapping_fault(document: &Document, kind: &str, name: Option<&MappingName>, fault: &mut impl FnMut(String, String)) {
    let place = format!("people.{kind}_mapping");
    match name.map(|name| (name, document.mappings.get(name))) {
        None => {}
        Some((name, None)) => fault(place, format!("There is no mapping called {name}.")),
        Some((name, Some(mapping))) if !mapping.object.as_str().eq_ignore_ascii_case(kind) => {
            fault(place, format!("The mapping {name} is for {}, not for {kind}s.", mapping.object))
        }
        Some(_) => {}
    }
}

fn attribute_faults(document: &Document, fault: &mut impl FnMut(String, String)) {
    let mut names = BTreeSet::new();
    for (i, attribute) in document.platform.attributes.iter().enumerate() {
        let place = format!("platform.attributes[{i}].name");
        if let Err(message) = transform::check_path(&attribute.name) {
            fault(place.clone(), message);
        }
        if !names.insert(&attribute.name) {
            fault(place, format!("{} is declared already; an attribute has one type.", attribute.name));
        }
    }
}

fn mautic_faults(document: &Document, fault: &mut impl FnMut(String, String)) {
    let Some(mautic) = &document.platform.mautic else { return };
    if let Err(refusal) = mautic.parse_url() {
        fault(MAUTIC_URL.to_owned(), refusal.to(document.connection.language).to_owned());
    }
    if document.platform.webhook.is_some() {
        let message = Sentence::new(
            "A Mautic hears of Salesforce's changes by its API; take the webhook out.",
            "Mautic apprend les changements de Salesforce par son API ; retirez le webhook.",
        );
        fault("platform.webhook".to_owned(), message.to(document.connection.language).to_owned());
    }
    let contacts = Sentence::new(
        "Name a field of the contact by its alias, one that only this is written into, and that no rule maps.",
        "Nommez un champ du contact par son alias, où rien d'autre n'est écrit et qu'aucune règle n'associe.",
    );
    let companies = Sentence::new(
        "Name a field of the company by its alias, one that only this is written into, and that no rule maps.",
        "Nommez un champ de la société par son alias, où rien d'autre n'est écrit et qu'aucune règle n'associe.",
    );
    record_field_faults(document, ("person", "record", &mautic.record), is_kept, &contacts, fault);
    record_field_faults(document, ("company", "company_record", &mautic.company_record), is_kept_company, &companies, fault);
}

/// Fields that are to get the Salesforce record, and cannot.
fn record_field_faults(
    document: &Document,
    (root, section, record): (&str, &str, &RecordFields),
    is_kept: fn(&str) -> bool,
    message: &Sentence,
    fault: &mut impl FnMut(String, String),
) {
    let mut aliases = BTreeSet::new();
    for (place, alias) in record.named() {
        let is_alias = !alias.is_empty() && alias.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        let from = format!("{root}.{alias}");
        let is_mapped = document.mappings.values().flat_map(|mapping| &mapping.fields).any(|rule| rule.from == from);
        if !is_alias || is_kept(alias) || is_mapped || !aliases.insert(alias) {
            fault(format!("platform.mautic.{section}.{place}"), message.to(document.connection.language).to_owned());
        }
    }
}

fn auth_faults(document: &Document, fault: &mut impl FnMut(String, String)) {
    let (salesforce, language) = (&document.salesforce, document.connection.language);
    if salesforce.auth.client_id().trim().is_empty() {
        let message = Sentence::new("Write the app's consumer key.", "Écrivez la clé client de l'application.");
        fault("salesforce.auth".to_owned(), message.to(language).to_owned());
    }
    match &salesforce.auth {
        Auth::ClientCredentials(_) if !salesforce.host.is_of_one_org() => {
            let message = Sentence::new(
                "Salesforce serves the client credentials flow at the org's own host only; write my_domain.",
                "Salesforce n'accepte le flux « client credentials » qu'à l'adresse propre à l'organisation ; écrivez my_domain.",
            );
            fault("salesforce.host".to_owned(), message.to(language).to_owned());
        }
        Auth::JwtBearer(flow) if !flow.username.contains('@') => {
            let message = Sentence::new(
                "Write the name with which the user signs in, like integration@acme.com; it always has an @.",
                "Écrivez le nom d'utilisateur de connexion, comme integration@acme.com ; il contient toujours un @.",
            );
            fault("salesforce.auth.jwt_bearer.username".to_owned(), message.to(language).to_owned());
        }
        Auth::Device(flow) if flow.enabled == Toggle::Off => {
            let message = Sentence::new(
                "The device flow is off: Salesforce blocks it for apps that are not installed in the org. Use jwt_bearer or client_credentials; \
                 where the org still allows it, write enabled: on.",
                "Le flux par appareil est désactivé : Salesforce le bloque pour les applications qui ne sont pas installées dans l'organisation. \
                 Utilisez jwt_bearer ou client_credentials ; là où l'organisation le permet encore, écrivez enabled: on.",
            );
            fault("salesforce.auth.device.enabled".to_owned(), message.to(language).to_owned());
        }
        _ => {}
    }
}

fn workflow_faults(document: &Document, fault: &mut impl FnMut(String, String)) {
    let mut names = BTreeSet::new();
    for (w, workflow) in document.workflows.iter().enumerate() {
        if !names.insert(&workflow.name) {
            fault(format!("workflows[{w}].name"), format!("Another workflow is called {:?}; explanations cite the name.", workflow.name));
        }
        if let Some(Err(error)) = workflow.filter.as_deref().map(Filter::compile) {
            fault(format!("workflows[{w}].filter"), format!("The filter cannot be read: {error}"));
        }
        for (a, action) in workflow.actions.iter().enumerate() {
            let activity = match action {
                Action::Activity(activity) => activity,
                Action::CampaignMember(member) => {
                    member_faults(document, member, &format!("workflows[{w}].actions[{a}].campaign_member"), fault);
                    continue;
                }
                Action::Record(record) => {
                    record_faults(document, record, &format!("workflows[{w}].actions[{a}].record"), fault);
                    continue;
                }
                Action::Person(_) | Action::Unsubscribe(_) => continue,
            };
            let texts = [
                ("subject", Some(&activity.subject)),
                ("kind", activity.kind.as_ref()),
                ("description", activity.description.as_ref()),
                ("start", activity.start.as_ref()),
                ("end", activity.end.as_ref()),
            ];
            for (name, text) in texts {
                let place = format!("workflows[{w}].actions[{a}].activity.{name}");
                if activity.object == ActivityObject::Timeline && ["kind", "end"].contains(&name) && text.is_some() {
                    fault(place.clone(), "The timeline has no field for this; leave it out.".to_owned());
                }
                text.into_iter().for_each(|text| template_faults(&place, text, fault));
            }
        }
    }
}

fn template_faults(place: &str, text: &str, fault: &mut impl FnMut(String, String)) {
    match Template::compile(text) {
        Err(error) => fault(place.to_owned(), format!("The template cannot be read: {error}")),
        Ok(template) => strangers(&template).into_iter().for_each(|message| fault(place.to_owned(), message)),
    }
}

fn owner_faults(document: &Document, fault: &mut impl FnMut(String, String)) {
    for (i, substitute) in document.people.owner_fallback.iter().enumerate() {
        if *substitute == OwnerFallback::AssignmentRules && document.salesforce.assignment_rules == Toggle::Off {
            let message = "The org's assignment rules are switched off for this connection; set salesforce.assignment_rules: on.";
            fault(format!("people.owner_fallback[{i}]"), message.to_owned());
        }
    }
}

fn member_faults(document: &Document, member: &MemberAction, place: &str, fault: &mut impl FnMut(String, String)) {
    let somewhere = document.projects.list.values().any(|project| project.campaign.is_some());
    if member.campaign.is_none() && !somewhere {
        fault(place.to_owned(), "No campaign is named; name one here, or in the projects.".to_owned());
    }
    if member.status.trim().is_empty() {
        fault(format!("{place}.status"), "Write one of the campaign's member statuses.".to_owned());
    }
    action_mapping_fault(document, member.mapping.as_ref(), Some("CampaignMember"), &format!("{place}.mapping"), fault);
}

fn record_faults(document: &Document, record: &RecordAction, place: &str, fault: &mut impl FnMut(String, String)) {
    action_mapping_fault(document, Some(&record.mapping), None, &format!("{place}.mapping"), fault);
    template_faults(&format!("{place}.key.value"), &record.key.value, fault);
}

fn action_mapping_fault(document: &Document, name: Option<&MappingName>, object: Option<&str>, place: &str, fault: &mut impl FnMut(String, String)) {
    let Some(name) = name else { return };
    match (document.mappings.get(name), object) {
        (None, _) => fault(place.to_owned(), format!("There is no mapping called {name}.")),
        (Some(mapping), Some(object)) if mapping.object.as_str() != object => {
            fault(place.to_owned(), format!("The mapping {name} is for {}, not for {object}.", mapping.object))
        }
        (Some(_), _) => {}
    }
}

fn campaign_faults(document: &Document, fault: &mut impl FnMut(String, String)) {
    let projects = document.projects.list.iter().map(|(id, project)| (format!("projects.list.{id}.campaign"), project.campaign.as_ref()));
    let actions = document.workflows.iter().enumerate().flat_map(|(w, workflow)| {
        workflow.actions.iter().enumerate().map(move |(a, action)| {
            let campaign = if let Action::CampaignMember(member) = action { member.campaign.as_ref() } else { None };
            (format!("workflows[{w}].actions[{a}].campaign_member.campaign"), campaign)
        })
    });
    for (place, campaign) in projects.chain(actions) {
        match campaign {
            Some(Campaign::Id(id)) if !RecordId::parse(id.trim()).is_ok_and(|id| id.as_str().starts_with("701")) => {
                fault(format!("{place}.id"), "This is not the id of a campaign; it begins with 701.".to_owned());
            }
            Some(Campaign::Name(name)) if name.trim().is_empty() => fault(format!("{place}.name"), "Write the campaign's name.".to_owned()),
            _ => {}
        }
    }
}

/// The names in a template that stand for nothing: they would be written as nothing, and nobody would know why.
fn strangers(template: &Template) -> Vec<String> {
    let variables = template.variables();
    let roots: BTreeSet<&str> = variables.iter().map(|path| path.split_once('.').map_or(path.as_str(), |(root, _)| root)).collect();
    let unknown = roots.into_iter().filter(|root| !CONTEXT.contains(root) && !GLOBALS.contains(root));
    unknown
        .map(|root| {
            let end = near(root, CONTEXT).map_or_else(|| ".".to_owned(), |name| format!("; did you mean {name}?"));
            format!("Nothing is called {root}{end} A text sees {}.", CONTEXT.join(", "))
        })
        .collect()
}
