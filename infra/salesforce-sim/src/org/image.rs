//! The org as data that a file can hold: everything but its records in one piece, and the records one by one.
//!
//! Records keep their ids, stamps, deletion marks and order; values say what they are, so that an image does not depend
//! on the places of fields.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::cell::{Cell, date_of};
use super::row::{Draft, Row};
use super::{Org, Table};
use crate::clock::Clock;
use crate::id::Id;
use crate::schema::{ObjectNo, RecordType};
use crate::seed::{Permissions, Seed, SeedError};

/// Everything about an org but its records.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrgImage {
    /// The organisation, the settings, fields and rules; no users, queues, apps, campaigns or records.
    pub seed: Seed,
    pub id: Id,
    /// What of the users does not stand in their records.
    pub people: Vec<Person>,
    /// The next running number of each object's ids.
    pub next: BTreeMap<String, u64>,
    /// When each object's description last changed.
    pub described: BTreeMap<String, Timestamp>,
    pub locked: BTreeSet<Id>,
    pub hidden: BTreeMap<Id, BTreeSet<Id>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Person {
    pub id: Id,
    pub password: String,
    pub permissions: Permissions,
}

/// One record.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordImage<'a> {
    #[serde(borrow)]
    pub sobject: Cow<'a, str>,
    #[serde(borrow)]
    pub fields: BTreeMap<Cow<'a, str>, Value<'a>>,
}

/// One value: texts and truths as they are, the others named by their kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Value<'a> {
    Truth(bool),
    Text(Cow<'a, str>),
    Named(Named),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Named {
    Id(Id),
    At(Timestamp),
    Day(Date),
    Number(String),
}

/// What in an image contradicts itself.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ImageFault {
    /// What the seed part says.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// A record of an object, or a field, that the org does not have.
    #[error("there is no {0}")]
    Unknown(String),
    /// A number that is none.
    #[error("{0:?} is no number")]
    Number(String),
    /// A record that does not say its id.
    #[error("the record has no Id")]
    NoId,
}

impl Value<'_> {
    fn of<'a>(cell: Cell<'a>) -> Option<Value<'a>> {
        Some(match cell {
            Cell::Null => return None,
            Cell::Bool(truth) => Value::Truth(truth),
            Cell::Text(text) => Value::Text(text),
            Cell::Id(id) => Value::Named(Named::Id(id)),
            Cell::Instant(millis) => Value::Named(Named::At(Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH))),
            Cell::Day(day) => Value::Named(Named::Day(date_of(day))),
            Cell::Num(number) => Value::Named(Named::Number(number.to_string())),
        })
    }

    fn into_cell(self) -> Result<Cell<'static>, ImageFault> {
        Ok(match self {
            Value::Truth(truth) => Cell::Bool(truth),
            Value::Text(text) => Cell::text(text.into_owned()),
            Value::Named(Named::Id(id)) => Cell::Id(id),
            Value::Named(Named::At(at)) => Cell::Instant(at.as_millisecond()),
            Value::Named(Named::Day(day)) => Cell::day(day),
            Value::Named(Named::Number(text)) => Cell::Num(text.parse().map_err(|_| ImageFault::Number(text))?),
        })
    }
}

impl Org {
    pub(crate) fn image(&self) -> OrgImage {
        let named = |(_, object): (ObjectNo, &crate::schema::ObjectDef)| (object.name.to_string(), object.changed);
        let seed = Seed { organization: self.organization.clone(), doubts: self.doubts, ..self.definition.clone() };
        OrgImage {
            seed,
            id: self.id,
            people: self.users().map(|user| Person { id: user.id, password: user.password.clone(), permissions: user.permissions }).collect(),
            next: self.schema.numbered().zip(&self.tables).map(|((_, object), table)| (object.name.to_string(), table.next())).collect(),
            described: self.schema.numbered().map(named).collect(),
            locked: self.locked.iter().copied().collect(),
            hidden: self.hidden.iter().map(|(record, users)| (*record, users.clone())).collect(),
        }
    }

    /// All records, deleted ones too, object by object in the order of their making.
    pub(crate) fn record_images(&self) -> impl Iterator<Item = RecordImage<'_>> {
        self.schema.numbered().zip(&self.tables).flat_map(|((_, object), table)| {
            table.iter().map(move |(_, row)| {
                let named = |(no, cell)| Some((Cow::Borrowed(&*object.field(no)?.name), Value::of(cell)?));
                RecordImage { sobject: Cow::Borrowed(&*object.name), fields: row.iter().filter_map(named).collect() }
            })
        })
    }

    /// An org as its image has it, without the records: [`Org::put_image`] puts those, [`Org::finish_image`] ends it.
    pub(crate) fn from_image(image: &OrgImage, clock: Arc<dyn Clock>) -> Result<Self, ImageFault> {
        let created = image.seed.organization.created.unwrap_or_else(|| clock.now());
        let mut org = Self::bare(&image.seed, image.id, created, clock)?;
        for own in &image.seed.record_types {
            let id = own.id.as_deref().and_then(|id| Id::parse(id).ok()).ok_or(ImageFault::NoId)?;
            org.adopt_record_type(own, id)?;
        }
        Ok(org)
    }

    pub(crate) fn put_image(&mut self, record: RecordImage<'_>) -> Result<(), ImageFault> {
        let unknown = |what: &str| ImageFault::Unknown(what.to_owned());
        let (object, def) = self.schema.object_named(&record.sobject).ok_or_else(|| unknown(&record.sobject))?;
        let mut draft = Draft::new();
        for (name, value) in record.fields {
            let no = def.field_no(&name).ok_or_else(|| unknown(&format!("field {}.{name}", record.sobject)))?;
            draft.insert(no, value.into_cell()?);
        }
        let row = Row::pack(&draft);
        let id = row.id().ok_or(ImageFault::NoId)?;
        if let Some(table) = self.table_mut(object) {
            table.insert(id, row);
        }
        Ok(())
    }

    pub(crate) fn finish_image(&mut self, image: OrgImage) -> Result<(), ImageFault> {
        let users: Vec<Id> = self.table(self.places.user).into_iter().flat_map(Table::iter).filter_map(|(_, row)| row.id()).collect();
        for id in users {
            self.follow_user(id);
        }
        for person in image.people {
            self.set_password(&person.id, &person.password);
            self.set_user_permissions(&person.id, person.permissions);
        }
        self.follow_grants();
        for rule in &image.seed.field_security {
            self.set_field_access(rule)?;
        }
        self.adopt_rules(&image.seed)?;
        for (name, next) in image.next {
            let object = self.schema.object_no(&name).ok_or(ImageFault::Unknown(name))?;
            if let Some(table) = self.table_mut(object) {
                table.resume(next);
            }
        }
        for (name, changed) in image.described {
            let object = self.schema.object_no(&name).ok_or(ImageFault::Unknown(name))?;
            if let Some(def) = self.schema.object_mut(object) {
                def.changed = changed;
            }
        }
        self.locked = image.locked.into_iter().collect();
        self.hidden = image.hidden.into_iter().collect();
        Ok(())
    }

    /// Makes a record type known to the schema and to the definition; its record is put elsewhere.
    pub(super) fn adopt_record_type(&mut self, own: &crate::seed::RecordTypeSeed, id: Id) -> Result<(), SeedError> {
        let object = self.seed_object(&own.sobject)?;
        if let Some(def) = self.schema.object_mut(object) {
            def.add_record_type(RecordType {
                id,
                developer_name: own.developer_name.clone(),
                name: own.name.clone(),
                default: own.default,
                active: own.active,
            });
        }
        self.definition.record_types.push(crate::seed::RecordTypeSeed { id: Some(id.to_string()), ..own.clone() });
        Ok(())
    }
}
