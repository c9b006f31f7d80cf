//! The runs that compare both sides: how they are called, what they are seen to change, and that they come to rest.

use std::collections::BTreeMap;

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use passerelle_core::{
    adapters::state::runs::Cursor,
    domain::{
        ids::{ConnectionId, PersonKey},
        person::{Person, id_alias},
    },
};

use super::{HOUR, Run};
use crate::{colleague, history::TENANTS, judge::records, report::Promise};

/// So many runs after everything is healed, nothing is left to be carried.
const RUNS: usize = 3;
/// So many hours may pass until then: the calls of a day may be spent.
const HOURS: usize = 60;
/// More runs than a history has.
const MANY: usize = 1_000;
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
    pub async fn runs(&self, tenant: usize) -> Result<Vec<passerelle_core::domain::run::Run>> {
        Ok(self.bystander.ports().table.load_runs(&TENANTS[tenant].parse()?, MANY).await?)
    }

    /// What the platform knows of each person of a tenant.
    pub async fn known(&self, tenant: usize) -> Result<BTreeMap<usize, Vec<Person>>> {
        let (table, c) = (self.bystander.ports().table, TENANTS[tenant].parse::<ConnectionId>()?);
        let mut persons: BTreeMap<String, usize> = BTreeMap::new();
        for said in self.plan.history.said.iter().filter(|said| said.tenant == tenant) {
            persons.insert(id_alias(said.body["person"]["id"].as_str().unwrap_or_default()), said.person);
        }
        let aliases: Vec<String> = persons.keys().cloned().collect();
        let keys: BTreeMap<PersonKey, usize> =
            table.load_aliases(&c, &aliases).await?.into_iter().filter_map(|(alias, key)| Some((key, *persons.get(&alias)?))).collect();
        let mut known: BTreeMap<usize, Vec<Person>> = BTreeMap::new();
        for person in table.load_people(&c, None, &keys.keys().cloned().collect::<Vec<_>>()).await? {
            known.entry(keys[&person.key]).or_default().push(person);
        }
        Ok(known)
    }

    /// Looks whether a value of a person that was replaced is there again.
    pub(super) async fn watch(&mut self) -> Result<()> {
        for tenant in self.plan.reconciling() {
            let known = self.known(tenant).await?;
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
        for what in &self.plan.last {
            colleague::act(&self.world, what, false, &mut self.deeds);
        }
        let before = records(self);
        self.hours(RUNS).await?;
        for what in records(self).keys().filter(|what| !before.contains_key(*what)) {
            self.wrong(Promise::DeletionsKept, format!("a run made {what}, and nobody was new"));
        }
        let before = self.everything().await?;
        self.hours(1).await?;
        let mut after = self.everything().await?;
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
            self.reconcile();
            self.work().await?;
            // The platform hears of it with the next minute.
            self.sweep().await?;
            if self.have_run(since, runs).await? {
                return Ok(());
            }
        }
        self.wrong(Promise::RunsSettle, format!("in {HOURS} hours there were no {runs} runs"));
        Ok(())
    }

    async fn have_run(&self, since: Timestamp, runs: usize) -> Result<bool> {
        for tenant in self.plan.reconciling() {
            if self.runs(tenant).await?.iter().filter(|run| run.started_at > since).count() < runs {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// All records and all values of people.
    async fn everything(&self) -> Result<BTreeMap<String, String>> {
        let mut all = records(self);
        for tenant in self.plan.reconciling() {
            for person in self.known(tenant).await?.values().flatten() {
                for (name, dated) in &person.attributes {
                    all.insert(format!("{} {} {name}", TENANTS[tenant], person.key), dated.value.to_string());
                }
            }
        }
        Ok(all)
    }
}
