//! One page of what Salesforce has modified, and the people whom it is about.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    adapters::{
        salesforce::{
            composite::Composite,
            soql::{self, Row},
        },
        state::StateError,
    },
    app::{
        access::{Access, AccessError},
        upsert::{columns, fields_of, our_user, read_match},
    },
    domain::{
        company::name_identity,
        config::{UnknownRecords, Ways},
        engine::Engine,
        event::normalise_email,
        ids::{FieldName, ObjectName, PersonKey, RecordId},
        person::{Person, email_alias},
        planner::{Case, Linked},
        run::{CONTACTS_OF_ACCOUNTS, Position, Run},
        schema::Schemas,
    },
    planted::{self, Bug},
    ports::Ports,
};

/// Records of several objects, each in the order of `SystemModstamp` and id.
#[derive(Default)]
pub(super) struct Page(BTreeMap<ObjectName, Rows>);

struct Rows {
    rows: Vec<Row>,
    /// Whether there are more.
    more: bool,
}

/// How many rows of a query Salesforce gives with one call.
const ROWS_AT_ONCE: usize = 2_000;
/// The object of companies.
const ACCOUNT: &str = "Account";

/// The people of a page, and the companies.
#[derive(Default)]
pub(super) struct People {
    pub cases: Vec<Case>,
    /// Records of nobody whom the platform knows.
    pub unknown: u64,
    /// Further records of people who have another one.
    pub further: u64,
}

impl Page {
    /// Reads the next records of each object, deleted ones included, in one call; of each `most` at most.
    pub async fn read(
        access: &mut Access<'_>,
        engine: &Engine,
        schemas: &Schemas,
        run: &Run,
        (objects, most): (&[ObjectName], usize),
    ) -> Result<Self, AccessError> {
        let mut subs = Vec::new();
        for (i, object) in objects.iter().enumerate() {
            let position = run.positions.get(object).cloned().unwrap_or_default();
            let span = if is_of_accounts(object) { span_of_accounts(run, &position) } else { span(run, &position, our_user(access)) };
            let soql = query(engine, schemas, source(object), &span, most);
            subs.push(soql::query_with_deleted(access.version(), &format!("p{i}"), &soql));
        }
        let answer = access.composite(&Composite::new(subs)).await?;
        let mut pages = BTreeMap::new();
        for (i, object) in objects.iter().enumerate() {
            let mut page = soql::parse_sub(answer.get(&format!("p{i}"))?)?;
            let mut rows = std::mem::take(&mut page.records);
            while let Some(next) = page.next.take() {
                page = access.more(&next).await?;
                rows.append(&mut page.records);
            }
            let more = rows.len() >= limit(most);
            rows.truncate(most);
            pages.insert(object.clone(), Rows { rows, more });
        }
        Ok(Self(pages))
    }

    /// Some rows of an object that a job has listed.
    pub fn of(object: &ObjectName, rows: Vec<Row>) -> Self {
        Self(BTreeMap::from([(object.clone(), Rows { rows, more: true })]))
    }

    /// The same in parts of so many records at most, in its order.
    pub fn parts(self, most: usize) -> Vec<Self> {
        let (mut parts, mut part, mut room) = (Vec::new(), Self::default(), most);
        for (object, Rows { mut rows, more }) in self.0 {
            while rows.len() > room {
                let rest = rows.split_off(room);
                part.0.insert(object.clone(), Rows { rows, more: true });
                parts.push(std::mem::take(&mut part));
                (rows, room) = (rest, most);
            }
            room -= rows.len();
            part.0.insert(object, Rows { rows, more });
        }
        parts.push(part);
        parts
    }

    /// How many records it has.
    pub fn len(&self) -> usize {
        self.0.values().map(|rows| rows.rows.len()).sum()
    }

    /// How many of them are accounts.
    pub fn accounts(&self) -> usize {
        self.0.iter().filter(|(object, _)| object.as_str() == ACCOUNT).map(|(_, rows)| rows.rows.len()).sum()
    }

    /// How far the run is once the page is done.
    pub fn positions(&self, run: &Run) -> Vec<(ObjectName, Position)> {
        let position = |(object, rows): (&ObjectName, &Rows)| {
            let last = rows.rows.last().and_then(|row| row.time("SystemModstamp").zip(row.id("Id")));
            let before = run.positions.get(object).and_then(|position| position.after);
            (object.clone(), Position { after: last.or(before), done: !rows.more, listing: None })
        };
        self.0.iter().map(position).collect()
    }

    /// Finds whose the records are: by link, by our key in the record, else by e-mail address.
    pub async fn cases(&self, ports: Ports<'_>, engine: &Engine, schemas: &Schemas, ways: Ways, access: &Access<'_>) -> Result<People, StateError> {
        let c = &engine.document.connection.id;
        let contact = ObjectName::known("Contact");
        let of = |object| if is_of_accounts(object) { &contact } else { object };
        let rows: Vec<(&ObjectName, &Row)> = self.0.iter().flat_map(|(object, rows)| rows.rows.iter().map(move |row| (of(object), row))).collect();
        // Whom an account alone brings up is nobody new.
        let brought: BTreeSet<RecordId> = self
            .0
            .iter()
            .filter(|(object, _)| is_of_accounts(object))
            .flat_map(|(_, rows)| rows.rows.iter().filter_map(|row| row.id("Id")))
            .collect();
        let ids: Vec<RecordId> = rows.iter().filter_map(|(_, row)| row.id("Id")).collect();
        let owners: BTreeMap<RecordId, PersonKey> =
            ports.table.load_record_owners(c, engine.organization.as_deref(), &ids).await?.into_iter().collect();
        let identities: BTreeSet<String> = rows.iter().filter_map(|(object, row)| identity(object, row)).collect();
        let aliases = ports.table.load_aliases(c, &identities.into_iter().collect::<Vec<_>>()).await?;
        let by_alias: BTreeMap<String, PersonKey> = aliases.into_iter().collect();
        let owner = |object: &ObjectName, row: &Row| {
            let linked = row.id("Id").and_then(|id| owners.get(&id));
            let keyed = schemas.key_field(object.as_str()).and_then(|field| PersonKey::parse(row.text(field.as_str())?).ok());
            linked.cloned().or(keyed).or_else(|| by_alias.get(&identity(object, row)?).cloned())
        };
        let keys: BTreeSet<PersonKey> = rows.iter().filter_map(|(object, row)| owner(object, row)).collect();
        let people = ports.table.load_people(c, engine.organization.as_deref(), &keys.into_iter().collect::<Vec<_>>()).await?;
        let mut gathering =
            Gathering { cases: people.into_iter().map(|person| (person.key.clone(), Case::of_run(person, ways))).collect(), ..Gathering::default() };
        for (object, row) in rows {
            let known = owner(object, row).filter(|key| gathering.cases.contains_key(key));
            let is_brought = row.id("Id").is_some_and(|id| brought.contains(&id));
            let newcomer = || newcomer(engine, object, row).filter(|_| !is_brought).map(|person| (person.key.clone(), Case::of_run(person, ways)));
            let Some(key) = known.or_else(|| {
                let (key, case) = newcomer()?;
                gathering.cases.entry(key.clone()).or_insert(case);
                Some(key)
            }) else {
                gathering.unknown += 1;
                continue;
            };
            gathering.take(&key, object, row, our_user(access));
        }
        Ok(gathering.people())
    }
}

/// A person of whom only Salesforce knew, where the document takes such people over.
fn newcomer(engine: &Engine, object: &ObjectName, row: &Row) -> Option<Person> {
    let flag = |name: &str| row.get(name).and_then(Value::as_bool) == Some(true);
    let wanted = engine.document.reconciliation.unknown_records == UnknownRecords::Person && object.as_str() != ACCOUNT;
    let alias = identity(object, row).filter(|_| wanted && !flag("IsDeleted") && !flag("IsConverted"))?;
    let mut person = Person::new(PersonKey::of(&engine.document.connection.id, &alias));
    person.aliases.insert(alias);
    Some(person)
}

/// What a record may be recognised by, where nothing ties it to anybody: an account's name, the address of all others.
fn identity(object: &ObjectName, row: &Row) -> Option<String> {
    if object.as_str() == ACCOUNT {
        return row.text("Name").filter(|name| !name.trim().is_empty()).map(name_identity);
    }
    row.text("Email").map(normalise_email).filter(|email| !email.is_empty()).map(|email| email_alias(&email))
}

/// People and their records, as they are gathered.
#[derive(Default)]
struct Gathering {
    cases: BTreeMap<PersonKey, Case>,
    seen: BTreeSet<PersonKey>,
    unknown: u64,
    further: u64,
}

impl Gathering {
    /// Takes a record in as one of somebody's. Each person counts once.
    fn take(&mut self, key: &PersonKey, object: &ObjectName, row: &Row, us: Option<RecordId>) {
        let Some(case) = self.cases.get_mut(key) else { return };
        let Some(read) = read_match(object.as_str(), row, us) else { return };
        let deleted = row.get("IsDeleted").and_then(Value::as_bool) == Some(true);
        let link = case.person.link.as_ref();
        let counts = match link {
            Some(link) if link.id == read.id && deleted => {
                case.found.linked = Linked::Gone;
                case.found.merged_into = row.id("MasterRecordId").filter(|_| !planted::is(Bug::MergeIsDeletion));
                case.found.deleted = row.time("SystemModstamp").filter(|_| case.found.merged_into.is_none());
                true
            }
            Some(link) if link.id == read.id => {
                case.found.linked = Linked::There(read);
                true
            }
            Some(_) if planted::is(Bug::GoneByAbsence) && case.found.linked == Linked::NotRead => {
                (case.found.linked, case.found.deleted) = (Linked::Gone, row.time("SystemModstamp"));
                true
            }
            // What the linked record was converted to or merged into is read with it; any other is not theirs.
            Some(_) => false,
            None if deleted => false,
            None => {
                case.found.of_mut(object.as_str()).push(read);
                true
            }
        };
        if !counts || !self.seen.insert(key.clone()) {
            self.further += u64::from(!planted::is(Bug::LoseCount));
        }
    }

    fn people(self) -> People {
        let Self { cases, seen, unknown, further } = self;
        People { cases: cases.into_iter().filter(|(key, _)| seen.contains(key)).map(|(_, case)| case).collect(), unknown, further }
    }
}

fn is_of_accounts(object: &ObjectName) -> bool {
    object.as_str() == CONTACTS_OF_ACCOUNTS
}

/// The object that rows come from.
fn source(object: &ObjectName) -> &str {
    if is_of_accounts(object) { "Contact" } else { object.as_str() }
}

/// What a run has still to read of an object.
pub(super) fn rest(engine: &Engine, schemas: &Schemas, object: &str, run: &Run, us: Option<RecordId>) -> String {
    let position = run.positions.iter().find(|(name, _)| name.as_str() == object).map(|(_, position)| position.clone()).unwrap_or_default();
    format!("SELECT {} FROM {object} WHERE {}", selected(engine, schemas, object), span(run, &position, us))
}

fn query(engine: &Engine, schemas: &Schemas, object: &str, span: &str, most: usize) -> String {
    let fields = selected(engine, schemas, object);
    format!("SELECT {fields} FROM {object} WHERE {span} ORDER BY SystemModstamp, Id LIMIT {}", limit(most))
}

/// How many records are asked for where `most` are taken: one more tells whether there are any. Not where that one would cost a call.
fn limit(most: usize) -> usize {
    (most + 1).min(ROWS_AT_ONCE.max(most))
}

fn selected(engine: &Engine, schemas: &Schemas, object: &str) -> String {
    let mut fields: BTreeSet<FieldName> = fields_of(engine, schemas, object).into_iter().collect();
    fields.extend(["SystemModstamp", "IsDeleted", "MasterRecordId"].map(FieldName::known));
    fields.extend(schemas.key_field(object));
    columns(engine, object, fields)
}

/// The condition on records that a run has still to read. What we have changed since the run began is left to the next one, which begins
/// before this one did: a run over several pages would come by all that it has written once more.
fn span(run: &Run, position: &Position, us: Option<RecordId>) -> String {
    let from = match &position.after {
        None => format!("SystemModstamp >= {}", soql::datetime(run.since)),
        Some((at, _)) if planted::is(Bug::PageByTime) => format!("SystemModstamp > {}", soql::datetime(*at)),
        Some(last) => beyond(last),
    };
    let begun = soql::datetime(run.started_at);
    let echo = us.map(|us| format!(" AND (SystemModstamp < {begun} OR LastModifiedById != '{us}' OR IsDeleted = true)"));
    from + &echo.unwrap_or_default()
}

/// The condition on contacts that were not changed since a run looks at, while their accounts were.
fn span_of_accounts(run: &Run, position: &Position) -> String {
    let since = soql::datetime(run.since);
    let accounts = format!("AccountId IN (SELECT Id FROM Account WHERE SystemModstamp >= {since})");
    let rest = position.after.as_ref().map(|last| format!(" AND {}", beyond(last))).unwrap_or_default();
    format!("SystemModstamp < {since} AND IsDeleted = false AND {accounts}{rest}")
}

/// Behind a record, in the order of `SystemModstamp` and id.
fn beyond((at, id): &(Timestamp, RecordId)) -> String {
    let at = soql::datetime(*at);
    format!("SystemModstamp >= {at} AND (SystemModstamp > {at} OR Id > '{id}')")
}
