//! Tells a connection's contacts what needs a person: a broken grant, events that wait or were given up, what was found about the org,
//! spent calls, stopped runs, deliveries that were given up, a certificate that ends. `domain::alert` says when and how.
//!
//! What is told is noted first, so that two who look at once send one mail; where sending fails, it is noted that nothing was told.

use futures::{StreamExt, stream};
use jiff::SignedDuration;
use thiserror::Error;

use super::{
    configure,
    problems::{self, Matter},
    tokens,
};
use crate::{
    adapters::state::{StateError, connections::Status},
    domain::{
        alert::{Alerted, Trouble, letter},
        certificate::{expiring, is_mail_day},
        config::Document,
        cure,
        finding::{Sentence, Severity},
        ids::ConnectionId,
        person::is_turn,
        run::Run,
    },
    ports::{Mail, MailError, Ports},
};

/// Each connection is looked at once in so many minutes: the sweep comes every minute.
const EVERY_MINUTES: i64 = 5;
/// How many connections are looked at at the same time.
const AT_ONCE: usize = 8;
/// Most events that are looked at for one mail; of more than that only so many are told.
const MOST_EVENTS: usize = 500;

/// Deliveries that were given up are told of for so long: nobody can set them going again, so nothing settles them.
const DELIVERIES: SignedDuration = SignedDuration::from_hours(24);
/// The causes of deliveries that need nobody: their contact or company is not in Mautic.
const NEED_NOBODY: [&str; 2] = ["delivery_gone", "delivery_company_unknown"];

/// A mail that was not sent.
#[derive(Debug, Error)]
pub enum AlertError {
    /// The state table.
    #[error("the state table failed")]
    State(#[from] StateError),
    /// The mail.
    #[error("the mail was not sent")]
    Mail(#[from] MailError),
}

/// Looks after the connections whose turn it is. Answers those whose contacts were told, or could not be.
///
/// # Errors
/// The connections cannot be listed.
pub async fn alert_all(ports: Ports<'_>) -> Result<Vec<(ConnectionId, Result<(), AlertError>)>, StateError> {
    let (mut connections, now) = (ports.table.all_connections().await?, ports.clock.now());
    connections.retain(|c| is_turn(c, now, EVERY_MINUTES));
    let looks: Vec<_> = connections.into_iter().map(|c| alert_one(ports, c)).collect();
    Ok(stream::iter(looks).buffer_unordered(AT_ONCE).filter_map(std::future::ready).collect().await)
}

async fn alert_one(ports: Ports<'_>, c: ConnectionId) -> Option<(ConnectionId, Result<(), AlertError>)> {
    let told = alert(ports, &c).await.transpose()?;
    match &told {
        Ok(()) => tracing::info!(connection.id = %c, "contacts told"),
        Err(error) => {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::error!(connection.id = %c, error = %error, cause, code = "alert_not_sent", "contacts not told");
        }
    }
    Some((c, told))
}

/// Tells the contacts of one connection; `None` where there is nothing to tell, or nobody.
///
/// # Errors
/// See [`AlertError`]; then it is told with the next look.
pub async fn alert(ports: Ports<'_>, c: &ConnectionId) -> Result<Option<()>, AlertError> {
    let Some(meta) = ports.table.load_meta(c).await? else { return Ok(None) };
    let Ok(Some(document)) = configure::load_version(ports, c, meta.config_version).await else { return Ok(None) };
    let to = document.connection.contacts.clone();
    if to.is_empty() || meta.cause.is_none() && meta.status != Status::Active {
        return Ok(None);
    }
    let (told, troubles, now) = (ports.table.load_alerted(c).await?, troubles(ports, &document).await?, ports.clock.now());
    if !told.is_due(&troubles, now) {
        let left = told.without_settled(&troubles);
        if left != told {
            not_overtaken(ports.table.save_alerted(c, &left).await)?;
        }
        return Ok(None);
    }
    let after = told.after(&troubles, now);
    if !not_overtaken(ports.table.save_alerted(c, &after).await)? {
        return Ok(None);
    }
    let letter = letter(&document.connection, &troubles, &told);
    if let Err(error) = ports.mail.send(&Mail { to, subject: letter.subject, text: letter.text }).await {
        let untold = Alerted { version: after.version + 1, ..told };
        not_overtaken(ports.table.save_alerted(c, &untold).await)?;
        return Err(error.into());
    }
    Ok(Some(()))
}

/// Whether it was saved; `false` where somebody else was quicker, who has told it then.
fn not_overtaken(saved: Result<(), StateError>) -> Result<bool, StateError> {
    match saved {
        Ok(()) => Ok(true),
        Err(StateError::Conflict { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Everything that stands and needs a person.
async fn troubles(ports: Ports<'_>, document: &Document) -> Result<Vec<Trouble>, StateError> {
    let c = &document.connection.id;
    let now = ports.clock.now();
    let problems = problems::list_up_to(ports, c, MOST_EVENTS, now.saturating_sub(DELIVERIES).unwrap_or(now)).await?;
    let broken = problems.broken.map(|broken| Trouble { key: format!("broken {}", broken.code), words: broken.words, cure: Some(broken.cure) });
    let mut troubles: Vec<Trouble> = broken.into_iter().collect();
    troubles.extend(problems.groups.iter().filter(|group| !NEED_NOBODY.contains(&group.code.as_str())).map(|group| waiting(group, problems.more)));
    let standing = problems.standing.iter().map(|problem| &problem.finding).filter(|finding| finding.severity == Severity::Error);
    troubles.extend(standing.map(|finding| Trouble {
        key: format!("{} {}", finding.code, finding.place),
        words: finding.words.clone(),
        cure: Some(finding.cure.clone()),
    }));
    let until = tokens::certificate_until(ports, document).await?.filter(|until| is_mail_day(*until, now));
    let ending = until.and_then(|until| expiring(until, now));
    troubles.extend(ending.map(|finding| Trouble { key: finding.code.into_owned(), words: finding.words, cure: Some(finding.cure) }));
    troubles.extend(problems.waits.map(|words| Trouble { key: "api_calls".to_owned(), words, cure: None }));
    troubles.extend(ports.table.load_runs(c, 1).await?.iter().filter_map(run));
    Ok(troubles)
}

fn waiting(group: &problems::Group, more: bool) -> Trouble {
    let fields = if group.fields.is_empty() { String::new() } else { format!(" ({})", group.fields.join(", ")) };
    let (code, n) = (&group.code, format!("{}{}", group.count, if more { "+" } else { "" }));
    let (status, en, fr) = match (group.matter, group.status.as_str()) {
        (Matter::Deliveries, _) => ("undelivered", "Deliveries to the platform given up", "Envoi(s) vers la plateforme abandonné(s)"),
        (Matter::Events, "dead") => ("dead", "Events given up", "Événement(s) abandonné(s)"),
        (Matter::Events, status) => (status, "Events waiting", "Événement(s) en attente"),
    };
    Trouble {
        key: format!("{status} {code} {}", group.fields.join(",")),
        words: Sentence::new(format!("{en}: {n}, for `{code}`{fields}."), format!("{fr} : {n}, pour `{code}`{fields}.")),
        cure: group.cure.clone(),
    }
}

/// A run that somebody has to look at.
fn run(run: &Run) -> Option<Trouble> {
    let code = run.stopped.as_deref().or((!run.balances()).then_some("run_unbalanced"))?;
    Some(Trouble {
        key: format!("run {code}"),
        words: Sentence::new(
            format!("The hourly run was stopped, or does not balance (`{code}`)."),
            format!("La synchronisation horaire a été arrêtée, ou son bilan n'est pas équilibré (`{code}`)."),
        ),
        cure: cure::of(code).map(Into::into),
    })
}
