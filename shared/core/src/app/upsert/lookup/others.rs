//! What actions depend on besides the people: campaigns and their members, queues, and records with a key of their own.

use std::collections::{BTreeMap, BTreeSet};

use super::{Asked, Look, Places, Question, addresses, directory::CampaignRow, each, is_searched, queries, read_match, records};
use crate::{
    adapters::salesforce::soql::{self, Row},
    app::access::{Access, AccessError},
    domain::{
        config::{Action, Campaign, OwnerFallback},
        event::normalise_email,
        ids::{FieldName, ObjectName, RecordId},
        planner::{Case, FoundMember, KeyOfRecord, records_of},
    },
};

impl Look<'_> {
    pub(super) fn further_questions(&mut self, access: &Access<'_>, cases: &[Case]) -> Result<Vec<Asked>, AccessError> {
        let mut asked = self.queues(access, cases)?;
        asked.extend(self.campaigns(access)?);
        asked.extend(self.members(access, cases)?);
        asked.extend(self.keyed(access, cases)?);
        Ok(asked)
    }

    fn queues(&mut self, access: &Access<'_>, cases: &[Case]) -> Result<Vec<Asked>, AccessError> {
        if self.directory.queues_asked || !cases.iter().any(is_searched) {
            return Ok(Vec::new());
        }
        self.directory.queues_asked = true;
        let names = self.engine.document.people.owner_fallback.iter().filter_map(|substitute| match substitute {
            OwnerFallback::Queue(name) => Some(name.clone()),
            _ => None,
        });
        let names: BTreeSet<String> = names.collect();
        queries(access, Question::Queues, "SELECT Id, DeveloperName FROM Group WHERE Type = 'Queue' AND DeveloperName", &names)
    }

    fn campaigns(&self, access: &Access<'_>) -> Result<Vec<Asked>, AccessError> {
        let (mut ids, mut names) = (BTreeSet::new(), BTreeSet::new());
        for campaign in self.directory.asked.keys() {
            match self.directory.id_of(campaign) {
                Some(id) => _ = ids.insert(id.as_str().to_owned()),
                None => _ = names.insert(campaign.text().to_owned()),
            }
        }
        let head = |by: &str| format!("SELECT Id, Name, (SELECT Label FROM CampaignMemberStatuses) FROM Campaign WHERE {by}");
        let mut asked = queries(access, Question::Campaigns, &head("Id"), &ids)?;
        asked.extend(queries(access, Question::Campaigns, &head("Name"), &names)?);
        Ok(asked)
    }

    /// Memberships of those who have a record by its id, of the others by their address, in one call with finding them.
    fn members(&self, access: &Access<'_>, cases: &[Case]) -> Result<Vec<Asked>, AccessError> {
        let concerned: Vec<&Case> = cases.iter().filter(|case| self.has_action(case, |action| matches!(action, Action::CampaignMember(_)))).collect();
        let (mut ids, mut names) = (BTreeSet::new(), BTreeSet::new());
        for campaign in super::directory::wanted(self.engine, cases).into_keys() {
            match self.directory.id_of(campaign) {
                Some(id) => _ = ids.insert(id.as_str().to_owned()),
                None => _ = names.insert(campaign.text().to_owned()),
            }
        }
        if concerned.is_empty() || (ids.is_empty() && names.is_empty()) {
            return Ok(Vec::new());
        }
        let one_of = |field: &str, values: &BTreeSet<String>| {
            let list = values.iter().map(|value| soql::text(value)).collect::<Vec<_>>().join(",");
            (!values.is_empty()).then(|| format!("{field} IN ({list})"))
        };
        let campaigns: Vec<String> = [one_of("CampaignId", &ids), one_of("Campaign.Name", &names)].into_iter().flatten().collect();
        let fields = self.fields_with("CampaignMember", ["Id", "CampaignId", "LeadId", "ContactId", "Email", "Status"]);
        let head = |by: &str| format!("SELECT {fields} FROM CampaignMember WHERE ({}) AND {by}", campaigns.join(" OR "));
        let linked: BTreeSet<String> = concerned.iter().copied().flat_map(records).map(|id| id.to_string()).collect();
        let addresses: BTreeSet<String> = concerned.iter().copied().filter(|case| is_searched(case)).flat_map(addresses).collect();
        let mut asked = queries(access, Question::Members, &head("LeadOrContactId"), &linked)?;
        asked.extend(queries(access, Question::Members, &head("Email"), &addresses)?);
        Ok(asked)
    }

    /// Records of workflows by their keys, each object and field in queries of its own.
    fn keyed(&self, access: &Access<'_>, cases: &[Case]) -> Result<Vec<Asked>, AccessError> {
        let mut wanted = BTreeMap::<(ObjectName, FieldName), BTreeSet<String>>::new();
        for key in cases.iter().flat_map(|case| records_of(self.engine, case)) {
            wanted.entry((key.object, key.field)).or_default().insert(key.value);
        }
        let mut asked = Vec::new();
        for ((object, field), values) in wanted {
            let fields = self.fields_with(object.as_str(), ["Id", field.as_str()]);
            let head = format!("SELECT {fields} FROM {object} WHERE {field}");
            asked.extend(queries(access, Question::Records(object, field), &head, &values)?);
        }
        Ok(asked)
    }

    fn has_action(&self, case: &Case, is: impl Fn(&Action) -> bool) -> bool {
        case.events.iter().flat_map(|open| self.engine.possible_actions(&open.event)).any(|(_, _, action)| is(action))
    }

    /// These fields, and those mapped ones that the org has and shows us.
    fn fields_with<const N: usize>(&self, object: &str, fields: [&str; N]) -> String {
        let mut all: BTreeSet<String> =
            fields.into_iter().chain(["CreatedDate", "LastModifiedDate", "LastModifiedById"]).map(str::to_owned).collect();
        let known = self.schemas.object(object).map(|schema| &schema.fields);
        let maps = self.engine.maps().all().filter(|map| map.object.as_str() == object);
        let mapped = maps.flat_map(|map| map.all()).map(|rule| &rule.to);
        all.extend(
            mapped.chain(self.pointers(object)).filter(|field| known.is_none_or(|known| known.contains_key(*field))).map(FieldName::to_string),
        );
        all.into_iter().collect::<Vec<_>>().join(", ")
    }

    /// The fields by which an object's records point to people.
    fn pointers(&self, object: &str) -> impl Iterator<Item = &FieldName> {
        let document = &self.engine.document;
        let actions = document.workflows.iter().flat_map(|workflow| &workflow.actions);
        let of_object = actions.filter_map(move |action| match action {
            Action::Record(record) => {
                document.mappings.get(&record.mapping).filter(|mapping| mapping.object.as_str() == object).and(record.person.as_ref())
            }
            _ => None,
        });
        of_object.flat_map(|fields| fields.lead.iter().chain(&fields.contact))
    }

    pub(super) fn take_queue(&mut self, row: &Row) {
        if let (Some(id), Some(name)) = (row.id("Id"), row.text("DeveloperName")) {
            self.directory.known.queues.insert(name.to_owned(), id);
        }
    }

    pub(super) fn take_campaign(&mut self, row: &Row) {
        let (Some(id), Some(name)) = (row.id("Id"), row.text("Name")) else { return };
        let found = CampaignRow { id, name: name.to_owned(), statuses: row.child_texts("CampaignMemberStatuses", "Label") };
        let by_id: BTreeSet<Campaign> = self.directory.asked.keys().filter(|campaign| self.directory.id_of(campaign) == Some(id)).cloned().collect();
        for (campaign, rows) in &mut self.directory.asked {
            let new = rows.iter().all(|row| row.id != id);
            if new && (by_id.contains(campaign) || campaign.is_named(name)) {
                rows.push(found.clone());
            }
        }
    }

    pub(super) fn take_record(&mut self, object: &ObjectName, field: &FieldName, row: &Row, us: Option<RecordId>) {
        let value = row.get(field.as_str()).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        if let (Some(value), Some(found)) = (value, read_match(object.as_str(), row, us)) {
            self.directory.known.records.insert(KeyOfRecord { object: object.clone(), field: field.clone(), value }, found);
        }
    }
}

pub(super) fn take_member(row: &Row, us: Option<RecordId>, cases: &mut [Case], addresses: &Places<String>, about: &Places<RecordId>) {
    let (Some(campaign), Some(read)) = (row.id("CampaignId"), read_match("CampaignMember", row, us)) else { return };
    let who: BTreeSet<RecordId> = ["LeadId", "ContactId"].into_iter().filter_map(|field| row.id(field)).collect();
    let found = FoundMember { campaign, who, read };
    let email = row.text("Email").map(normalise_email);
    let places = found.who.iter().map(|id| about.get(id)).chain([email.and_then(|email| addresses.get(&email))]);
    for places in places.collect::<Vec<_>>() {
        each(cases, places, |case| {
            if case.found.members.iter().all(|known| known.read.id != found.read.id) {
                case.found.members.push(found.clone());
            }
        });
    }
}
