//! The runs that compare both sides: how they are called, what they are seen to change, and that they come to rest.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use passerelle_core::{
    adapters::state::runs::Cursor,
    domain::{
        ids::ConnectionId,
        person::{Person, id_alias},
    },
};
use serde_json::Value;

use super::{HOUR, Run};
use crate::{
    history::TENANTS,
    items::{self, Item},
    judge::records,
    report::Promise,
    world::Who,
};

/// So many runs after everything is healed, nothing is left to be carried.
const RUNS: usize = 3;
/// So many hours may pass until then: the calls of a day may be spent.
const HOURS: usize = 60;
/// Attributes of which each value is stated once, so that none that was replaced comes again. A job does: it is always Salesforce's, whatever
/// the platform states.
const STATED_ONCE: [&str; 3] = ["person.first_name", "person.phone", "person.note"];

impl Run<'_> {
    /// An hour passes in no time: runs are due again, where none is under way.
    pub(super) async fn make_due(&self) -> Result<()> {
        for tenant in self.plan.reconciling().into_iter().filter(|_| self.reconciling == 0) {
            let (table, c) = (self.bystander.ports().table, TENANTS[tenant].parse::<ConnectionId>()?);
            let cursor = table.load_cursor(&c).await?;
            if cursor.run.is_none() && cursor.next_at.is_some() {
                table.move_cursor(&c, &Cursor { next_at: None, ..cursor }, None).await?;
            }
        }
        Ok(())
    }

    /// The runs of a tenant that have ended, oldest first.
    pub fn runs(items: &[Item], tenant: usize) -> Result<Vec<passerelle_core::domain::run::Run>> {
        let partition = format!("CONN#{}", TENANTS[tenant]);
        let mut runs: Vec<_> = items.iter().filter(|item| items::key(item).0 == partition && items::key(item).1.starts_with("RUN#")).collect();
        runs.sort_by_key(|item| items::key(item).1);
        Ok(runs.into_iter().map(|item| serde_json::from_value(item["run"].clone())).collect::<Result<_, _>>()?)
    }

    /// Whose each stored person is: the identities that the platform states, by the partitions that they lead to.
    fn whose(&self, items: &[Item]) -> Result<BTreeMap<String, Who>> {
        let said = self.plan.history.said.iter().map(|said| {
            let alias = id_alias(said.body["person"]["id"].as_str().unwrap_or_default());
            (format!("CONN#{}#ALIAS#{alias}", TENANTS[said.tenant]), (said.tenant, said.person))
        });
        let (said, mut whose): (BTreeMap<String, Who>, _) = (said.collect(), BTreeMap::new());
        for item in items.iter().filter(|item| items::key(item).1 == "ALIAS") {
            if let Some(who) = said.get(items::key(item).0) {
                let key = item["person"].as_str().context("an identity leads to somebody")?;
                whose.insert(format!("CONN#{}#PERSON#{key}", TENANTS[who.0]), *who);
            }
        }
        Ok(whose)
    }

    /// What the platform knows of each person of a tenant.
    pub fn known(&self, items: &[Item], tenant: usize) -> Result<BTreeMap<usize, Vec<Person>>> {
        let stored = items.iter().filter(|item| items::key(item).1 == "PERSON").map(|item| (items::key(item).0, item));
        let (stored, mut known): (BTreeMap<&str, &Item>, BTreeMap<usize, Vec<Person>>) = (stored.collect(), BTreeMap::new());
        for (partition, (_, person)) in self.whose(items)?.into_iter().filter(|(_, (of, _))| *of == tenant) {
            let item = stored.get(partition.as_str()).with_context(|| format!("an identity leads to nobody: {partition}"))?;
            known.entry(person).or_default().push(serde_json::from_value(Value::Object((*item).clone()))?);
        }
        Ok(known)
    }

    /// People of whom a run or an event has told that an edit was covered and could not be put back.
    pub fn unrepaired(&self) -> Result<BTreeSet<Who>> {
        let items = items::all(&self.world)?;
        let (whose, mut told) = (self.whose(&items)?, BTreeSet::new());
        for item in items.iter().filter(|item| items::key(item).1.starts_with("WHY#")) {
            if serde_json::to_string(item)?.contains(r#""given_back":false"#) {
                told.extend(whose.get(items::key(item).0));
            }
        }
        Ok(told)
    }

    /// Looks whether a value of a person that was replaced is there again.
    pub(super) fn watch(&mut self) -> Result<()> {
        let items = items::all(&self.world)?;
        for tenant in self.plan.reconciling() {
            let known = self.known(&items, tenant)?;
            for (number, person) in known.iter().flat_map(|(number, people)| people.iter().map(|person| (*number, person))) {
                for name in STATED_ONCE {
                    let value = person.value(name).cloned().unwrap_or_default();
                    let had = self.values.entry((tenant, person.key.to_string(), name.to_owned())).or_default();
                    let (back, stays) = (had.contains(&value), had.last() == Some(&value));
                    if !stays {
                        had.push(value);
                    }
                    // A record that others were merged into is later than it all; and after a write that nobody noted the time of the
                    // record is all that tells who was later.
                    let moved = self.deeds.moved.contains_key(&(tenant, number)) || self.world.is_unnoted((tenant, number));
                    if back && !stays && !moved {
                        let what = format!("{}-{number}: {name} of the platform went back: {had:?}", TENANTS[tenant]);
                        self.went_back.insert((tenant, number));
                        self.wrong(Promise::NoFlipFlop, what);
                    }
                }
            }
        }
        Ok(())
    }

    /// After everything is healed runs come to rest: after a few of them one more changes nothing.
    pub(super) async fn settle(&mut self) -> Result<()> {
        if self.plan.runs.is_none() {
            return Ok(());
        }
        for what in &self.plan.last.clone() {
            self.act(what, false);
        }
        let before = records(self);
        self.hours(RUNS).await?;
        for what in records(self).keys().filter(|what| !before.contains_key(*what)) {
            self.wrong(Promise::DeletionsKept, format!("a run made {what}, and nobody was new"));
        }
        let before = self.everything()?;
        self.hours(1).await?;
        let mut after = self.everything()?;
        for (what, was) in before {
            let is = after.remove(&what).unwrap_or_default();
            if is != was {
                self.wrong(Promise::RunsSettle, format!("another run changed {what}: {was} is now {is}"));
            }
        }
        for what in after.keys() {
            self.wrong(Promise::RunsSettle, format!("another run made {what}"));
        }
        Ok(())
    }

    /// Lets hours pass until everybody has had so many more runs.
    async fn hours(&mut self, runs: usize) -> Result<()> {
        let since = self.world.time.now(SignedDuration::ZERO);
        for _ in 0..HOURS {
            tokio::time::sleep(HOUR).await;
            // A grant that was taken back is noticed by whoever asks next; then an administrator connects again.
            for tenant in 0..TENANTS.len() {
                self.reconnect(tenant).await?;
            }
            self.reconcile();
            self.work().await?;
            // The platform hears of it with the next minute.
            self.sweep().await?;
            if self.have_run(since, runs)? {
                return Ok(());
            }
        }
        self.wrong(Promise::RunsSettle, format!("in {HOURS} hours there were no {runs} runs"));
        Ok(())
    }

    fn have_run(&self, since: Timestamp, runs: usize) -> Result<bool> {
        let items = items::all(&self.world)?;
        for tenant in self.plan.reconciling() {
            if Self::runs(&items, tenant)?.iter().filter(|run| run.started_at > since).count() < runs {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// All records and all values of people.
    fn everything(&self) -> Result<BTreeMap<String, String>> {
        let (mut all, items) = (records(self), items::all(&self.world)?);
        for tenant in self.plan.reconciling() {
            for person in self.known(&items, tenant)?.values().flatten() {
                for (name, dated) in &person.attributes {
                    all.insert(format!("{} {} {name}", TENANTS[tenant], person.key), dated.value.to_string());
                }
            }
        }
        Ok(all)
    }
}
