//! The accounts of the companies of a batch: by link where there is one, else by name.

use std::collections::BTreeSet;

use super::{Asked, Look, Places, Question, each, is_searched, listed, may_have_been_made, queries, read_match};
use crate::{
    adapters::salesforce::soql::Row,
    app::access::{Access, AccessError},
    domain::{
        company::account_name,
        config::WhenUnknown,
        engine::Engine,
        ids::{PersonKey, RecordId},
        planner::{Case, Linked},
    },
};

/// People, and the companies that come after them.
pub(super) fn parts(cases: &[Case]) -> (&[Case], &[Case]) {
    cases.split_at(cases.partition_point(|case| !case.person.is_company()))
}

/// The names by which a company is looked for, as they are compared: of one that an earlier try may have made unseen, all that it may have
/// been made with.
pub(super) fn names(engine: &Engine, case: &Case) -> BTreeSet<String> {
    spelt(engine, case).map(|name| account_name(&name)).collect()
}

fn spelt(engine: &Engine, case: &Case) -> impl Iterator<Item = String> {
    let companies = case.events.iter().filter(|_| case.person.is_company());
    let stated = companies.filter_map(|open| Some(engine.company_of(&open.event)?.get("name")?.as_str()?.to_owned()));
    stated.chain(case.person.company_name().map(str::to_owned)).map(|name| name.trim().to_owned()).filter(|name| !name.is_empty())
}

impl Look<'_> {
    pub(super) fn companies(&self, access: &Access<'_>, people: &[Case], companies: &[Case]) -> Result<Vec<Asked>, AccessError> {
        let awaited = self.awaited(people);
        let linked = companies.iter().filter(|case| self.reads_link(case, "Account") || reads_for_contacts(case, &awaited));
        let mut asked = self.by_id(access, "Account", linked.filter_map(|case| case.person.link.as_ref()).map(|link| link.id).collect())?;
        let unlinked: Vec<&Case> = companies.iter().filter(|case| is_searched(case)).collect();
        asked.extend(self.by_name(access, &unlinked)?);
        let known: Vec<&Case> = unlinked.into_iter().filter(|case| may_have_been_made(case)).collect();
        asked.extend(self.by_key_among(&["Account"], access, &known)?);
        Ok(asked)
    }

    /// Those whose linked account is gone, as new contacts may need another one.
    pub(super) fn lost_companies(&self, access: &Access<'_>, companies: &[Case]) -> Result<Vec<Asked>, AccessError> {
        let lost: Vec<&Case> = companies.iter().filter(|case| case.found.linked == Linked::Gone && case.run.is_none()).collect();
        self.by_name(access, &lost)
    }

    fn by_name(&self, access: &Access<'_>, companies: &[&Case]) -> Result<Vec<Asked>, AccessError> {
        let names: BTreeSet<String> = companies.iter().flat_map(|case| spelt(self.engine, case)).collect();
        queries(access, Question::Accounts, &format!("SELECT {} FROM Account WHERE Name", listed(self.fields("Account"))), &names)
    }

    /// The companies of people who may become contacts in this batch.
    fn awaited(&self, people: &[Case]) -> BTreeSet<PersonKey> {
        if self.engine.document.people.when_unknown != WhenUnknown::Contact {
            return BTreeSet::new();
        }
        let searched = people.iter().filter(|case| is_searched(case));
        let companies = searched.flat_map(|case| {
            let named = case.events.iter().filter_map(|open| open.company.as_ref());
            named.chain(case.person.company.as_ref().map(|company| &company.key))
        });
        companies.cloned().collect()
    }
}

/// Whether a new contact may be hung on the linked account, which must be there then.
fn reads_for_contacts(case: &Case, awaited: &BTreeSet<PersonKey>) -> bool {
    case.found.linked == Linked::NotRead && awaited.contains(&case.person.key)
}

pub(super) fn take_account(row: &Row, us: Option<RecordId>, cases: &mut [Case], names: &Places<String>) {
    let (Some(found), Some(name)) = (read_match("Account", row, us), row.text("Name").map(account_name)) else { return };
    each(cases, names.get(&name), |case| {
        if case.found.accounts.iter().all(|known| known.id != found.id) {
            case.found.accounts.push(found.clone());
        }
    });
}
