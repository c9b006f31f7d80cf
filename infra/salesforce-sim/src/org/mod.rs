//! The org itself: its records, its users, its rules.
//!
//! Plain data without locks or async: whoever shares it puts a mutex around it. Knows nothing of
//! HTTP, OAuth or sockets; it answers calls with values and [`ApiError`]s.

mod access;
mod administration;
mod adopt;
mod catalogue;
mod cell;
mod convert;
mod decimal;
mod derived;
mod fields;
pub(crate) mod image;
mod input;
mod language;
mod lifecycle;
mod people;
mod read;
mod row;
mod rules;
mod save;
mod session;
mod setup;
mod sharing;
mod store;
mod table;
mod write;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

pub(crate) use lifecycle::RECYCLE_BIN_MILLIS;
pub use lifecycle::{Conversion, Converted};
pub use people::User;
pub use session::{Answer, ApiVersion, DuplicateHeader, Fields, QueryScope, Session, UpsertError, Upserted};

pub use crate::seed::SeedError;
pub use crate::soql::Cursor;
pub(crate) use cell::{Cell, OwnedCell, Shown, folded, same_text};
pub(crate) use convert::{parse_date, parse_instant};
pub(crate) use decimal::Decimal;
pub(crate) use read::Attributes;
pub(crate) use row::Row;
pub(crate) use table::{Slot, Table};

use crate::clock::Clock;
use crate::doubts::{Doubts, IdsInMessages};
use crate::error::ApiError;
use crate::id::Id;
use crate::schema::{DescribeContext, ObjectDef, ObjectNo, Schema};
use crate::seed::{OrganizationSeed, Seed};

#[cfg(test)]
mod tests;

/// The canonical API name of an object, such as `Lead`.
pub type ObjectName = Arc<str>;

/// A point of return inside a transaction. Savepoints nest: the youngest goes first.
#[derive(Debug)]
#[must_use = "a savepoint is either rolled back or released"]
pub struct Savepoint(usize);

/// The objects the org treats in a special way.
#[derive(Clone, Copy, Debug)]
struct Places {
    user: ObjectNo,
    lead: ObjectNo,
    contact: ObjectNo,
    account: ObjectNo,
    event: ObjectNo,
    task: ObjectNo,
    campaign: ObjectNo,
    campaign_member: ObjectNo,
    member_status: ObjectNo,
    /// Objects whose records give rights.
    grants: [ObjectNo; 2],
    activities: [ObjectNo; 2],
}

/// The simulated org.
pub struct Org {
    clock: Arc<dyn Clock>,
    organization: OrganizationSeed,
    id: Id,
    instance_url: String,
    schema: Schema,
    /// The records, at the place of their object.
    tables: Vec<Table>,
    places: Places,
    users: people::Users,
    security: access::Security,
    rules: rules::Rules,
    undo: store::UndoLog,
    locked: HashSet<Id>,
    /// Records hidden from users by sharing.
    hidden: HashMap<Id, BTreeSet<Id>>,
    doubts: Doubts,
    /// Fields and rules as data, as they are now: what a saved org is built up from again.
    definition: Seed,
    /// Custom fields that were ever made, for their ids.
    pub(crate) fields_made: u64,
}

impl Org {
    /// The whole body of `GET /sobjects`.
    #[must_use]
    pub fn describe_global(&self, s: &Session) -> Value {
        crate::schema::describe_global(&self.schema, s.version)
    }

    /// `{objectDescribe, recentItems}`: the body of `GET /sobjects/X`. The recent items are the
    /// five records changed last.
    ///
    /// # Errors
    /// 404 when there is no such object.
    pub fn basic_info(&self, s: &Session, sobject: &str) -> Result<Value, ApiError> {
        let (no, object) = self.described(sobject)?;
        let context = DescribeContext { version: s.version, instance_url: &self.instance_url, access: &|_, field| field.access };
        let fields: Vec<_> = [Some(crate::schema::ID_FIELD), object.known.name].into_iter().flatten().collect();
        let recent: Vec<Value> = self.recent(s, no, 5).into_iter().map(|row| self.render(s, no, row, &fields)).collect();
        Ok(json!({
            "objectDescribe": crate::schema::summary(object, &context, true),
            "recentItems": recent,
        }))
    }

    fn recent(&self, s: &Session, object: ObjectNo, count: usize) -> Vec<&Row> {
        let field = self.object(object).and_then(|object| object.known.modstamp);
        let Some((table, field)) = self.table(object).zip(field) else {
            return Vec::new();
        };
        let slots = table.walk(field, i64::MIN, i64::MAX);
        slots
            .into_iter()
            .flat_map(Iterator::rev)
            .filter_map(|slot| table.get(slot))
            .filter(|row| !self.is_deleted(object, row) && self.check_may_see(s, row.id()).is_ok())
            .take(count)
            .collect()
    }

    /// The body of `GET /sobjects/X/describe`, as this user may see it.
    ///
    /// # Errors
    /// 404 when there is no such object.
    pub fn describe(&self, s: &Session, sobject: &str) -> Result<Value, ApiError> {
        let (no, object) = self.described(sobject)?;
        let context =
            DescribeContext { version: s.version, instance_url: &self.instance_url, access: &|field_no, field| self.access(s, no, field_no, field) };
        Ok(crate::schema::describe_object(&self.schema, object, &context))
    }

    /// When an object's description last changed, for `If-Modified-Since`.
    ///
    /// # Errors
    /// 404 when there is no such object.
    pub fn described_at(&self, sobject: &str) -> Result<Timestamp, ApiError> {
        Ok(self.described(sobject)?.1.changed)
    }

    /// The canonical name of an object written in any letter case.
    ///
    /// # Errors
    /// 404 `NOT_FOUND` when there is no such object.
    pub fn resolve(&self, s: &Session, sobject: &str) -> Result<ObjectName, ApiError> {
        let _ = s;
        Ok(Arc::clone(&self.described(sobject)?.1.name))
    }

    fn described(&self, sobject: &str) -> Result<(ObjectNo, &ObjectDef), ApiError> {
        self.schema.object_named(sobject).ok_or_else(|| no_object(sobject))
    }

    /// Whether records of an object can be written in this way: `insert`, `update`, `upsert` or `delete`.
    pub(crate) fn takes(&self, sobject: &str, operation: &str) -> bool {
        let flags: &[&str] = match operation {
            "insert" => &["createable"],
            "upsert" => &["createable", "updateable"],
            "delete" => &["deletable"],
            _ => &["updateable"],
        };
        self.schema.object_named(sobject).is_some_and(|(_, object)| flags.iter().all(|flag| object.is(flag)))
    }

    /// Whether a relationship leads from an object to others, as far as the user sees.
    pub(crate) fn has_relationship(&self, s: &Session, sobject: &str, name: &str) -> bool {
        let found = self.schema.object_named(sobject).and_then(|(no, object)| Some((no, object.relationship(name)?)));
        found.is_some_and(|(object, (no, field))| self.access(s, object, no, field) > crate::seed::FieldAccess::Hidden)
    }

    pub(crate) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// How many live records an object has.
    ///
    /// # Errors
    /// 404 when there is no such object.
    pub fn count(&self, sobject: &str) -> Result<usize, ApiError> {
        let (no, _) = self.described(sobject)?;
        let table = self.table(no);
        Ok(table.map_or(0, |table| table.live_slots().count()))
    }

    /// The organisation's id.
    #[must_use]
    pub fn organization_id(&self) -> Id {
        self.id
    }

    /// The organisation's settings.
    #[must_use]
    pub fn organization(&self) -> &OrganizationSeed {
        &self.organization
    }

    /// The organisation's settings, to change them while the org lives.
    pub fn organization_mut(&mut self) -> &mut OrganizationSeed {
        &mut self.organization
    }

    /// How the org answers where the real one's behaviour is open.
    #[must_use]
    pub const fn doubts(&self) -> &Doubts {
        &self.doubts
    }

    /// The open questions, to settle them otherwise while the org lives.
    pub const fn doubts_mut(&mut self) -> &mut Doubts {
        &mut self.doubts
    }

    /// A record id as error messages quote it.
    pub(crate) fn quoted<'a>(&self, id: &'a Id) -> &'a str {
        match self.doubts.ids_in_messages {
            IdsInMessages::Short => id.short(),
            IdsInMessages::Long => id.as_str(),
        }
    }

    /// Sets the origin of the instance host, which stands in some links of the describes.
    pub fn set_instance_url(&mut self, url: &str) {
        url.clone_into(&mut self.instance_url);
    }

    /// The present instant by the org's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A session for a colleague: edits made with it look like that user's work in Salesforce.
    #[must_use]
    pub fn edit_as(&mut self, user: Id) -> Session {
        Session::new(user, self.clock.now())
    }
}

/// The answer about an object that this org does not have: 501 for one that a real org has, 404 for others.
fn no_object(sobject: &str) -> ApiError {
    if crate::schema::is_elsewhere(sobject) { ApiError::not_built(&format!("the object {sobject}")) } else { ApiError::not_found() }
}

/// The answer about a field that an object does not have: 501 for one that a real org has, 400 for others.
fn no_field(name: &str, object: &str) -> ApiError {
    if crate::schema::is_field_elsewhere(object, name) {
        ApiError::not_built(&format!("the field {object}.{name}"))
    } else {
        ApiError::no_such_column(name, object)
    }
}
