//! Builds an org from its seed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::access::{Holder, Security};
use super::people::Users;
use super::rules::Rules;
use super::store::UndoLog;
use super::table::Table;
use super::{Fields, Org, Places, Session};
use crate::clock::Clock;
use crate::error::ApiError;
use crate::id::{Id, KeyPrefix};
use crate::schema::{CustomError, FieldType, Flag, ID_FIELD, ObjectNo, Schema};
use crate::seed::{CampaignSeed, FieldRule, RecordSeed, Seed, SeedError, UserSeed, Who};

type Built<T> = Result<T, SeedError>;

impl Org {
    /// Builds the org a seed describes.
    ///
    /// # Errors
    /// When the seed contradicts itself or the org refuses one of its records.
    pub fn from_seed(seed: &Seed, clock: Arc<dyn Clock>) -> Built<Self> {
        let created = seed.organization.created.unwrap_or_else(|| clock.now());
        let id = match &seed.organization.id {
            Some(id) => parse_id("organization id", id)?,
            None => Id::generate(KeyPrefix::of(b"00D"), 1),
        };
        let mut org = Self::bare(seed, id, created, clock)?;
        let first = org.admit(seed, created)?;
        let s = Session::new(first, created);
        org.add_record_types(&s, seed)?;
        org.add_lead_statuses(&s)?;
        for rule in &seed.field_security {
            org.set_field_access(rule)?;
        }
        let mut labels = BTreeMap::new();
        for campaign in &seed.campaigns {
            org.add_campaign(&s, campaign, &mut labels)?;
        }
        for (number, record) in seed.records.iter().enumerate() {
            org.add_record(&s, number, record, &mut labels)?;
        }
        org.adopt_rules(seed)?;
        Ok(org)
    }

    /// An org with its fields and without anything in it.
    pub(super) fn bare(seed: &Seed, id: Id, created: jiff::Timestamp, clock: Arc<dyn Clock>) -> Built<Self> {
        let mut schema = Schema::standard(created);
        for object in &seed.custom_objects {
            let invalid = |error: CustomError| SeedError::Invalid { what: "custom object", text: object.name.clone(), why: error.to_string() };
            schema.add_custom_object(object, created).map_err(invalid)?;
        }
        let mut org = Self {
            clock,
            organization: crate::seed::OrganizationSeed { created: Some(created), ..seed.organization.clone() },
            id,
            instance_url: "https://org.my.salesforce.com".to_owned(),
            tables: schema.numbered().map(|(_, object)| Table::new(object.prefix, object.known.is_deleted)).collect(),
            places: Places::of(&schema)?,
            schema,
            users: Users::new(),
            security: Security::default(),
            rules: Rules::default(),
            undo: UndoLog::default(),
            locked: HashSet::new(),
            hidden: HashMap::new(),
            doubts: seed.doubts,
            definition: Seed { users: Vec::new(), custom_objects: seed.custom_objects.clone(), ..Seed::default() },
            fields_made: 0,
        };
        if seed.organization.person_accounts {
            org.show_person_accounts();
        }
        org.add_indexes();
        for field in &seed.custom_fields {
            org.add_custom_field(field).map_err(|error| SeedError::Invalid {
                what: "custom field",
                text: field.name.clone(),
                why: error.to_string(),
            })?;
        }
        Ok(org)
    }

    fn add_indexes(&mut self) {
        let wanted: Vec<_> = self
            .schema
            .numbered()
            .flat_map(|(object, def)| def.numbered().map(move |(no, field)| (object, no, field)))
            .filter(|(_, no, field)| *no != ID_FIELD && deserves_index(field))
            .filter(|(object, _, field)| !self.copies_its_person(*object, &field.name))
            .map(|(object, no, _)| (object, no))
            .collect();
        for (object, field) in wanted {
            if let Some(table) = self.table_mut(object) {
                table.index(field);
            }
        }
    }

    /// Lets everybody in: profiles, permission sets, users, queues. Returns the first user's id.
    fn admit(&mut self, seed: &Seed, created: jiff::Timestamp) -> Built<Id> {
        if seed.users.is_empty() {
            return Err(SeedError::NoUser);
        }
        let mut ids = Vec::new();
        for user in &seed.users {
            ids.push(match &user.id {
                Some(id) => parse_id("user id", id)?,
                None => self.next_id("User")?,
            });
        }
        let first = ids.first().copied().ok_or(SeedError::NoUser)?;
        let s = Session::new(first, created);
        let organization = &seed.organization;
        self.plant(
            &s,
            "Organization",
            json!({
                "Id": self.id, "Name": organization.name, "OrganizationType": organization.edition,
                "IsSandbox": organization.sandbox, "InstanceName": "SIM1", "FiscalYearStartMonth": 1,
                "DefaultLocaleSidKey": "en_US", "LanguageLocaleKey": "en_US", "TimeZoneSidKey": "GMT",
                "DefaultAccountAccess": "Edit", "DefaultContactAccess": "Edit", "DefaultLeadAccess": "ReadEditTransfer",
            }),
        )?;
        let mut profiles: HashMap<&str, Id> = HashMap::new();
        let mut sets: HashMap<&str, Id> = HashMap::new();
        for (user, id) in seed.users.iter().zip(ids) {
            if !profiles.contains_key(&*user.profile) {
                let record = json!({"Name": user.profile, "UserType": "Standard"});
                let profile = self.plant(&s, "Profile", record)?;
                profiles.insert(&user.profile, profile);
            }
            let profile = profiles.get(&*user.profile).copied();
            self.add_user(&s, id, user, profile)?;
            for name in &user.permission_sets {
                let set = match sets.get(&**name) {
                    Some(set) => *set,
                    None => self.add_permission_set(&s, name)?,
                };
                sets.insert(name, set);
                let record = json!({"AssigneeId": id, "PermissionSetId": set});
                self.plant(&s, "PermissionSetAssignment", record)?;
            }
        }
        for queue in &seed.queues {
            let mut record = json!({"Name": queue.name, "DeveloperName": queue.developer_name,
                                    "Type": "Queue"});
            if let (Some(id), Some(fields)) = (&queue.id, record.as_object_mut()) {
                fields.insert("Id".to_owned(), json!(parse_id("queue id", id)?));
            }
            self.plant(&s, "Group", record)?;
        }
        Ok(first)
    }

    fn add_permission_set(&mut self, s: &Session, name: &str) -> Built<Id> {
        self.plant(s, "PermissionSet", json!({"Name": name, "Label": name}))
    }

    fn add_user(&mut self, s: &Session, id: Id, user: &UserSeed, profile: Option<Id>) -> Built<()> {
        let known = self.object(self.places.user).and_then(|object| object.field_named("TimeZoneSidKey"));
        let zone_ok = known.is_some_and(|(_, field)| field.picklist.iter().any(|choice| *choice.value == *user.time_zone));
        if !zone_ok {
            return Err(SeedError::Unknown { what: "the time zone", name: user.time_zone.clone() });
        }
        let alias: String = user.last_name.chars().take(8).collect();
        self.plant(
            s,
            "User",
            json!({
                "Id": id, "Username": user.username, "Email": user.email, "FirstName": user.first_name,
                "LastName": user.last_name, "IsActive": user.active, "LocaleSidKey": user.locale,
                "LanguageLocaleKey": user.language, "TimeZoneSidKey": user.time_zone,
                "EmailEncodingKey": "UTF-8", "ProfileId": profile, "UserType": "Standard",
                "Alias": alias.to_lowercase(), "CommunityNickname": user.username.chars().take(40).collect::<String>(),
                "UserPermissionsMarketingUser": user.permissions.marketing_user,
            }),
        )?;
        self.set_password(&id, &user.password);
        self.set_user_permissions(&id, user.permissions);
        Ok(())
    }

    fn add_record_types(&mut self, s: &Session, seed: &Seed) -> Built<()> {
        for own in &seed.record_types {
            let mut record = json!({
                "Name": own.name, "DeveloperName": own.developer_name,
                "SobjectType": own.sobject, "IsActive": own.active,
            });
            if let (Some(id), Some(fields)) = (&own.id, record.as_object_mut()) {
                fields.insert("Id".to_owned(), json!(parse_id("record type id", id)?));
            }
            let id = self.plant(s, "RecordType", record)?;
            self.adopt_record_type(own, id)?;
        }
        Ok(())
    }

    /// The statuses of leads as records; the one that stands for a conversion is the standard one.
    fn add_lead_statuses(&mut self, s: &Session) -> Built<()> {
        let choices =
            self.object(self.places.lead).and_then(|lead| lead.field_named("Status")).map(|(_, field)| field.picklist.clone()).unwrap_or_default();
        for (order, choice) in (1..).zip(choices) {
            self.plant(
                s,
                "LeadStatus",
                json!({
                    "MasterLabel": choice.label, "ApiName": choice.value, "SortOrder": order,
                    "IsDefault": choice.default, "IsConverted": &*choice.value == "Closed - Converted",
                }),
            )?;
        }
        Ok(())
    }

    fn add_campaign(&mut self, s: &Session, campaign: &CampaignSeed, labels: &mut BTreeMap<String, Id>) -> Built<()> {
        let id = self.plant(s, "Campaign", Value::Object(campaign.fields.clone()))?;
        if let Some(label) = &campaign.label {
            labels.insert(label.clone(), id);
        }
        if campaign.statuses.is_empty() {
            self.give_statuses(s, id);
        }
        for (order, status) in (1..).zip(&campaign.statuses) {
            self.add_status(s, id, &status.label, order, status.is_default, status.has_responded);
        }
        Ok(())
    }

    fn add_record(&mut self, s: &Session, number: usize, record: &RecordSeed, labels: &mut BTreeMap<String, Id>) -> Built<()> {
        let mut fields = record.fields.clone();
        for value in fields.values_mut() {
            let label = value.as_str().and_then(|text| text.strip_prefix('@'));
            if let Some(id) = label.and_then(|label| labels.get(label)) {
                *value = json!(id);
            }
        }
        let mut s = s.clone();
        if let Some(name) = &record.by {
            s.user = self.seed_owner(name)?;
        }
        let id = self.force(&s, &record.sobject, &fields).map_err(|errors| SeedError::Record { sobject: record.sobject.clone(), number, errors })?;
        if let Some(label) = &record.label {
            labels.insert(label.clone(), id);
        }
        for name in &record.hidden_from {
            let user = self.seed_owner(name)?;
            self.hide(id, user);
        }
        Ok(())
    }

    /// Gives somebody other rights on a field than everybody has.
    ///
    /// # Errors
    /// When the object, the field, the user or the permission set does not exist.
    pub fn set_field_access(&mut self, rule: &FieldRule) -> Built<()> {
        let path = format!("{}.{}", rule.sobject, rule.field);
        let key = self.field_key(&path).ok_or(SeedError::Unknown { what: "the field", name: path })?;
        let holder = match &rule.who {
            Who::Everyone => Holder::Everyone,
            Who::Profile(name) => Holder::Profile(name.clone()),
            Who::User(name) => Holder::User(self.seed_owner(name)?),
            Who::PermissionSet(name) => Holder::PermissionSet(self.permission_set(name)?),
        };
        let who = match &holder {
            Holder::User(id) => Who::User(id.to_string()),
            Holder::PermissionSet(id) => Who::PermissionSet(id.to_string()),
            _ => rule.who.clone(),
        };
        self.definition.field_security.push(FieldRule { who, ..rule.clone() });
        self.security.add(key, holder, rule.access);
        Ok(())
    }

    fn permission_set(&self, name: &str) -> Built<Id> {
        let object = self.seed_object("PermissionSet")?;
        if let Some(id) = self.record_of(object, name) {
            return Ok(id);
        }
        let mut rows = self.table(object).into_iter().flat_map(|table| table.iter());
        rows.find(|(_, row)| self.named(object, row, "Name").as_text() == Some(name))
            .and_then(|(_, row)| row.id())
            .ok_or_else(|| SeedError::Unknown { what: "the permission set", name: name.to_owned() })
    }

    /// The id, where a text is that of a record of this object: saved rules name people so, who may have new names.
    fn record_of(&self, object: ObjectNo, text: &str) -> Option<Id> {
        let id = Id::parse(text).ok()?;
        self.find(&id).filter(|(found, ..)| *found == object).map(|_| id)
    }

    /// A user by login name or id, or a queue by API name or id.
    pub(super) fn seed_owner(&self, name: &str) -> Built<Id> {
        if let Some(user) = self.user_by_name(name) {
            return Ok(user.id);
        }
        let object = self.seed_object("Group")?;
        if let Some(id) = self.record_of(self.places.user, name).or_else(|| self.record_of(object, name)) {
            return Ok(id);
        }
        let mut rows = self.table(object).into_iter().flat_map(|table| table.iter());
        rows.find(|(_, row)| self.named(object, row, "DeveloperName").as_text() == Some(name))
            .and_then(|(_, row)| row.id())
            .ok_or_else(|| SeedError::Unknown { what: "the user or queue", name: name.to_owned() })
    }

    pub(super) fn seed_object(&self, name: &str) -> Built<ObjectNo> {
        self.schema.object_no(name).ok_or_else(|| SeedError::Unknown { what: "the object", name: name.to_owned() })
    }

    fn next_id(&mut self, sobject: &str) -> Built<Id> {
        let object = self.seed_object(sobject)?;
        let table = self.table_mut(object);
        table.map(Table::next_id).ok_or(SeedError::NoUser)
    }

    fn plant(&mut self, s: &Session, sobject: &str, record: Value) -> Built<Id> {
        let fields: Fields = match record {
            Value::Object(fields) => fields,
            _ => Fields::new(),
        };
        self.force(s, sobject, &fields).map_err(|errors: Vec<ApiError>| SeedError::Record { sobject: sobject.to_owned(), number: 0, errors })
    }
}

/// Which fields a real org has indexes on: keys, references, and the times records are read by.
pub(super) fn deserves_index(field: &crate::schema::FieldDef) -> bool {
    let by_people = ["CreatedById", "LastModifiedById"].contains(&&*field.name);
    let by_time = ["SystemModstamp", "CreatedDate"].contains(&&*field.name);
    (field.kind == FieldType::Reference && !by_people) || by_time || field.is_key() || field.has(Flag::UNIQUE)
}

fn parse_id(what: &'static str, text: &str) -> Built<Id> {
    Id::parse(text).map_err(|why| SeedError::Invalid { what, text: text.to_owned(), why: why.to_string() })
}

impl Places {
    fn of(schema: &Schema) -> Built<Self> {
        let place = |name: &'static str| schema.object_no(name).ok_or(SeedError::Unknown { what: "the object", name: name.to_owned() });
        let (event, task) = (place("Event")?, place("Task")?);
        Ok(Self {
            user: place("User")?,
            lead: place("Lead")?,
            contact: place("Contact")?,
            account: place("Account")?,
            event,
            task,
            campaign: place("Campaign")?,
            campaign_member: place("CampaignMember")?,
            member_status: place("CampaignMemberStatus")?,
            grants: [place("FieldPermissions")?, place("PermissionSetAssignment")?],
            activities: [event, task],
        })
    }
}
