//! What the org is asked: every description and five queries in one composite call, and in a second one what the document names
//! besides: campaigns, and substitutes for owners.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    adapters::salesforce::{
        ApiVersion, Sub,
        composite::{Composite, CompositeAnswer, MAX_QUERIES_AND_COLLECTIONS, MAX_SUBS},
        describe,
        soql::{self, Row},
    },
    app::{
        access::{Access, AccessError},
        schemas, tracking,
    },
    domain::{
        check::{CampaignFact, DuplicateRule, Facts, Organization, Rights, campaign_uses},
        config::{Campaign, OwnerFallback},
        engine::Engine,
        event::normalise_email,
        ids::ObjectName,
        mapping::OPT_OUT,
        schema::ObjectSchema,
        uses::uses,
    },
};

/// What was learnt, and the descriptions as they are cached.
pub(super) struct Gathered {
    pub facts: Facts,
    pub described: BTreeMap<ObjectName, Option<ObjectSchema>>,
}

const ORGANIZATION: &str = "SELECT OrganizationType, DefaultLeadAccess, DefaultContactAccess, DefaultAccountAccess FROM Organization";
const RIGHTS: &str = "SELECT PermissionsViewAllData, PermissionsModifyAllData, PermissionsCustomizeApplication FROM UserPermissionAccess";
const DUPLICATES: &str = "SELECT SobjectType, MasterLabel FROM DuplicateRule WHERE IsActive = true";

/// Asks everything. A query that the org refuses leaves its facts unknown: integration users see little of the setup.
pub(super) async fn gather(access: &mut Access<'_>, engine: &Engine) -> Result<Gathered, AccessError> {
    let mut objects = schemas::objects(&engine.document);
    objects.truncate(MAX_SUBS - MAX_QUERIES_AND_COLLECTIONS);
    let mut subs: Vec<Sub> = objects.iter().map(|object| describe::describe(access.version(), object.as_str(), object)).collect();
    let mut ask = |name: &str, soql: &str| subs.push(soql::query(access.version(), name, soql));
    ask("organization", ORGANIZATION);
    ask("rights", RIGHTS);
    ask("duplicates", DUPLICATES);
    ask("definitions", &tracking::definitions_query(&["Lead", "Contact", "Account"], &mapped(engine)));
    if let Some(user) = access.user_id() {
        ask("view_all", &view_all_query(user));
    }
    let answer = access.composite(&Composite::new(subs)).await?;

    let (mut facts, mut described) = (Facts { usage: access.usage().map(|org| (org.used, org.max)), ..Facts::default() }, BTreeMap::new());
    for object in objects {
        let sub = answer.get(object.as_str())?;
        let found = if describe::is_hidden(sub) { None } else { Some(describe::parse_facts(sub)?) };
        described.insert(object.clone(), found.as_ref().map(|found| found.schema.clone()));
        facts.objects.extend(found.map(|found| (object, found)));
    }
    facts.organization = rows(&answer, "organization").and_then(|rows| rows.first().map(organization));
    facts.rights = rows(&answer, "rights").and_then(|rows| rows.first().map(rights));
    facts.duplicate_rules = rows(&answer, "duplicates").map(|rows| rows.iter().filter_map(duplicate_rule).collect());
    facts.definitions = tracking::definitions(&answer, "definitions");
    tracking::mark(engine, facts.definitions.as_ref(), &mut described);
    facts.view_all = rows(&answer, "view_all").map(|rows| rows.iter().filter_map(|row| row.text("SobjectType")).map(str::to_owned).collect());
    let mut subs = campaign_queries(access.version(), engine);
    subs.extend(substitute_queries(access.version(), engine));
    if !subs.is_empty() {
        let answer = access.composite(&Composite::new(subs)).await?;
        facts.campaigns = campaigns(&answer);
        facts.substitutes = substitutes(&answer);
    }
    Ok(Gathered { facts, described })
}

/// The campaigns that the document names, and those that were changed last, among which a name that is almost right can be found.
fn campaign_queries(version: &ApiVersion, engine: &Engine) -> Vec<Sub> {
    let uses = campaign_uses(&engine.document);
    if uses.is_empty() {
        return Vec::new();
    }
    let list = |ids: bool| {
        let wanted = uses.iter().filter(|used| matches!(used.campaign, Campaign::Id(_)) == ids).map(|used| soql::text(used.campaign.text()));
        wanted.take(100).collect::<Vec<_>>().join(",")
    };
    let select = "SELECT Id, Name, IsActive, (SELECT Label FROM CampaignMemberStatuses) FROM Campaign";
    let conditions = [("Id", list(true)), ("Name", list(false))].map(|(field, list)| (!list.is_empty()).then(|| format!("{field} IN ({list})")));
    let named = conditions.into_iter().flatten().collect::<Vec<_>>().join(" OR ");
    vec![
        soql::query(version, "campaigns_named", &format!("{select} WHERE {named}")),
        soql::query(version, "campaigns_recent", &format!("{select} WHERE IsActive = true ORDER BY LastModifiedDate DESC LIMIT 200")),
    ]
}

/// `None` where the document names none, or the org tells nothing of campaigns.
fn campaigns(answer: &CompositeAnswer) -> Option<Vec<CampaignFact>> {
    let (named, recent) = (rows(answer, "campaigns_named")?, rows(answer, "campaigns_recent")?);
    let mut found: Vec<CampaignFact> = named.iter().chain(&recent).filter_map(campaign).collect();
    found.sort_by_key(|fact| fact.id);
    found.dedup_by_key(|fact| fact.id);
    Some(found)
}

fn campaign(row: &Row) -> Option<CampaignFact> {
    let statuses = row.child_texts("CampaignMemberStatuses", "Label");
    Some(CampaignFact { id: row.id("Id")?, name: row.text("Name")?.to_owned(), active: flag(row, "IsActive"), statuses })
}

/// The users and queues that the document names as substitutes for owners.
fn substitute_queries(version: &ApiVersion, engine: &Engine) -> Vec<Sub> {
    let (mut users, mut queues) = (Vec::new(), Vec::new());
    for substitute in &engine.document.people.owner_fallback {
        match substitute {
            OwnerFallback::User(email) => users.push(soql::text(&normalise_email(email))),
            OwnerFallback::Queue(name) => queues.push(soql::text(name)),
            OwnerFallback::AssignmentRules | OwnerFallback::Integration => {}
        }
    }
    let ask = |name: &str, head: &str, values: &[String]| {
        (!values.is_empty()).then(|| soql::query(version, name, &format!("{head} IN ({})", values.join(","))))
    };
    let users = ask("users", "SELECT Email FROM User WHERE IsActive = true AND Email", &users);
    let queues = ask("queues", "SELECT DeveloperName FROM Group WHERE Type = 'Queue' AND DeveloperName", &queues);
    users.into_iter().chain(queues).collect()
}

/// Those that the org has; `None` where it does not tell.
fn substitutes(answer: &CompositeAnswer) -> Option<BTreeSet<OwnerFallback>> {
    let texts = |name: &str, field: &str| -> Option<Vec<String>> {
        // What the document names none of was not asked.
        let found = if answer.get(name).is_ok() { rows(answer, name)? } else { Vec::new() };
        Some(found.iter().filter_map(|row| row.text(field).map(str::to_owned)).collect())
    };
    let users = texts("users", "Email")?.into_iter().map(|email| OwnerFallback::User(normalise_email(&email)));
    Some(users.chain(texts("queues", "DeveloperName")?.into_iter().map(OwnerFallback::Queue)).collect())
}

/// The mapped fields and the opt-out.
fn mapped(engine: &Engine) -> BTreeSet<String> {
    let mapped = uses(&engine.document, engine.maps()).into_iter().map(|used| used.field.to_string());
    mapped.chain([OPT_OUT.to_owned()]).collect()
}

fn view_all_query(user: &str) -> String {
    format!(
        "SELECT SobjectType FROM ObjectPermissions WHERE PermissionsViewAllRecords = true AND SobjectType IN ('Lead','Contact','Account') \
         AND ParentId IN (SELECT PermissionSetId FROM PermissionSetAssignment WHERE AssigneeId = {})",
        soql::text(user)
    )
}

/// The answer to a query; `None` where the org refused it. None of these has more than a page.
fn rows(answer: &CompositeAnswer, name: &str) -> Option<Vec<Row>> {
    soql::parse_sub(answer.get(name).ok()?).ok().map(|page| page.records)
}

fn flag(row: &Row, name: &str) -> bool {
    row.get(name).and_then(Value::as_bool).unwrap_or(false)
}

fn organization(row: &Row) -> Organization {
    let access = |object: &str| row.text(&format!("Default{object}Access")).unwrap_or_default();
    // Contacts that their accounts control are as open as those.
    let contact = if access("Contact") == "ControlledByParent" { access("Account") } else { access("Contact") };
    let private =
        [("Lead", access("Lead")), ("Contact", contact), ("Account", access("Account"))].into_iter().filter(|(_, access)| *access == "None");
    Organization {
        edition: row.text("OrganizationType").unwrap_or_default().to_owned(),
        private: private.map(|(object, _)| object.to_owned()).collect(),
    }
}

fn rights(row: &Row) -> Rights {
    Rights {
        view_all_data: flag(row, "PermissionsViewAllData"),
        modify_all_data: flag(row, "PermissionsModifyAllData"),
        customize_application: flag(row, "PermissionsCustomizeApplication"),
    }
}

fn duplicate_rule(row: &Row) -> Option<DuplicateRule> {
    Some(DuplicateRule { object: row.text("SobjectType")?.to_owned(), name: row.text("MasterLabel").unwrap_or_default().to_owned() })
}
