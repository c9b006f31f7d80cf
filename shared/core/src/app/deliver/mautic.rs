//! Deliveries to a Mautic: many people's in one call, each person's in their order, and companies' likewise.
//!
//! PATCH drops numbers whose whole part is 0, and makes one contact of two where it names an address of another. So contacts with such
//! numbers are read and written whole, and an address is given only to who changed it, when nobody else has it. With companies it does neither.

use std::collections::BTreeSet;

use futures::{StreamExt, stream};
use serde_json::{Map, Value, json};

use super::{Answer, Claimed, Queue, Round};
use crate::{
    adapters::{
        mautic::{BATCH, Column, Item, Mautic, MauticError, Query},
        state::{StateError, deliveries::StoredDelivery},
    },
    app::{
        intake::store,
        mautic::{self, PlatformError},
    },
    domain::{
        config::{Document, RecordFields},
        delivery::Delivery,
        finding::Finding,
        ids::PersonKey,
        mautic::{Change, Contact, EMAIL, Users, Whose, owner_unknown},
    },
    ports::Ports,
};

/// How many calls that are about one contact are made at the same time.
const CALLS_AT_ONCE: usize = 8;

/// A Mautic, for a round of deliveries.
pub(super) struct ToMautic<'a> {
    document: &'a Document,
    mautic: Result<Mautic<'a>, PlatformError>,
    /// What somebody has to do something about.
    problem: Option<Finding>,
    owners: Owners,
}

/// Who may own anything there.
#[derive(Default)]
struct Owners {
    /// The users, as soon as somebody is to be told of an owner.
    users: Option<Users>,
    /// Whether one of those told is none.
    unknown: bool,
}

/// A delivery on its way: what it changes, and how far it is.
struct Letter {
    change: Change,
    /// The owner's id beside the fields; `None` = not told, null = nobody.
    owner: Option<Value>,
    answer: Option<Answer>,
}

impl Letter {
    fn is_open(&self) -> bool {
        self.answer.is_none()
    }

    fn with_owner(&self, mut body: Map<String, Value>) -> Map<String, Value> {
        body.extend(self.owner.clone().map(|owner| ("owner".to_owned(), owner)));
        body
    }

    fn writes_fields(&self) -> bool {
        !self.change.fields.is_empty() || self.owner.is_some()
    }
}

impl<'a> ToMautic<'a> {
    pub async fn open(ports: Ports<'a>, document: &'a Document) -> Self {
        let mautic = mautic::open(ports, document).await;
        Self { document, problem: mautic.as_ref().err().and_then(PlatformError::problem), mautic, owners: Owners::default() }
    }

    /// Notes for `passerelle status` what somebody has to do, or that there is nothing.
    pub async fn end(self, round: Round<'_>) -> Result<(), StateError> {
        if self.owners.users.is_some() {
            mautic::note_owners(round.ports, round.c, self.owners.unknown.then(owner_unknown)).await?;
        }
        mautic::note(round.ports, round.c, self.problem).await
    }

    /// Sends these people's deliveries, a batch of people at a time, of each the first until none may go.
    pub async fn deliver(&mut self, round: Round<'_>, people: &[PersonKey]) -> Result<(), StateError> {
        for people in people.chunks(BATCH) {
            let reads: Vec<_> = people.iter().map(|person| round.queue(person)).collect();
            let queues: Vec<Result<Queue, StateError>> = stream::iter(reads).buffered(CALLS_AT_ONCE).collect().await;
            let mut queues: Vec<Queue> = queues.into_iter().collect::<Result<_, _>>()?;
            loop {
                let mut claimed = Vec::new();
                for queue in &mut queues {
                    if let Some(one) = round.next(queue).await? {
                        claimed.push((queue, one));
                    }
                }
                if claimed.is_empty() {
                    break;
                }
                self.send(round, claimed).await?;
            }
        }
        Ok(())
    }

    async fn send(&mut self, round: Round<'_>, claimed: Vec<(&mut Queue, Claimed)>) -> Result<(), StateError> {
        let begun = round.ports.clock.now();
        let mautic = self.document.platform.mautic.as_ref();
        let (contact, company) = mautic.map(|mautic| (mautic.record.clone(), mautic.company_record.clone())).unwrap_or_default();
        let mut letters: Vec<Letter> = claimed.iter().map(|(_, claimed)| letter(&claimed.delivery, &contact, &company)).collect();
        let made = match &self.mautic {
            Ok(mautic) => {
                owners(mautic, &mut self.owners, &mut letters).await;
                companies(mautic, &mut letters).await;
                addresses(mautic, &mut letters).await;
                patch(mautic, &mut letters).await;
                put(mautic, &mut letters).await;
                let made = create(mautic, &mut letters).await;
                opt_outs(mautic, &mut letters).await;
                made
            }
            Err(error) => {
                letters.iter_mut().filter(|letter| letter.is_open()).for_each(|letter| letter.answer = Some(Answer::failed(error.code())));
                Vec::new()
            }
        };
        self.learn(round, &made).await?;
        for ((queue, claimed), letter) in claimed.into_iter().zip(letters) {
            let answer = letter.answer.unwrap_or(Answer::Arrived { status: None });
            if let Answer::Failed { cause, .. } = answer {
                self.problem = crate::domain::mautic::problem(cause).or(self.problem.take());
            }
            round.note(queue, &claimed, begun, answer).await?;
        }
        Ok(())
    }

    /// Contacts that were made tell their ids by an event, which is durable before the delivery is noted.
    async fn learn(&self, round: Round<'_>, made: &[Value]) -> Result<(), StateError> {
        let events: Vec<_> = made.iter().filter_map(Contact::parse).filter_map(|contact| contact.identity()).collect();
        let stored = store(round.ports, &self.document.source.id, std::slice::from_ref(round.c), &events, round.ports.clock.now()).await;
        stored.into_iter().try_for_each(|(.., stored)| stored.map(drop))
    }
}

fn letter(stored: &StoredDelivery, contact: &RecordFields, company: &RecordFields) -> Letter {
    match serde_json::from_str::<Delivery>(&stored.body) {
        Ok(delivery) => {
            let change = Change::of(&delivery, contact, company);
            let answer = change.is_empty().then_some(Answer::Arrived { status: None });
            Letter { change, owner: None, answer }
        }
        Err(_) => Letter { change: Change::nothing(), owner: None, answer: Some(Answer::Impossible { cause: UNREADABLE }) },
    }
}

/// Finds the ids of owners. One whom Mautic does not know is left as it is.
async fn owners(mautic: &Mautic<'_>, owners: &mut Owners, letters: &mut [Letter]) {
    for letter in letters.iter_mut().filter(|letter| letter.is_open()) {
        let Some(owner) = letter.change.owner.clone() else { continue };
        if owners.users.is_none() {
            match mautic.users().await {
                Ok(users) => owners.users = Some(Users::parse(&users)),
                Err(error) => {
                    letter.answer = Some(failure(&error));
                    continue;
                }
            }
        }
        letter.owner = match owner {
            None => Some(Value::Null),
            Some(email) => owners.users.as_ref().and_then(|users| users.id(&email)).map(|id| json!(id)),
        };
        if letter.owner.is_none() {
            owners.unknown = true;
            tracing::warn!(code = "delivery_owner_unknown", "no published user of the platform has the owner's address");
        }
    }
}

/// Companies, all in one call, after which no letter of theirs is open. One whose id Mautic has not told is not made: nothing keeps Mautic from
/// making a second one of the same name.
async fn companies(mautic: &Mautic<'_>, letters: &mut [Letter]) {
    let (mut asked, mut bodies) = (Vec::new(), Vec::new());
    for letter in letters.iter_mut().filter(|letter| letter.is_open() && letter.change.whose == Whose::Company) {
        if letter.change.id.is_none() {
            letter.answer = Some(Answer::Impossible { cause: NO_COMPANY });
        } else if letter.writes_fields() {
            bodies.push(letter.with_owner(letter.change.patch()));
            asked.push(letter);
        } else {
            letter.answer = Some(Answer::Arrived { status: None });
        }
    }
    if !bodies.is_empty() {
        settle(asked, mautic.patch_companies(bodies).await, |letter, _| letter.answer = Some(Answer::Arrived { status: None }));
    }
}

/// Takes out addresses that another contact has, also one of the same batch: with such a one the two would become one.
async fn addresses(mautic: &Mautic<'_>, letters: &mut [Letter]) {
    let changed = letters.iter().enumerate().filter(|(_, letter)| letter.is_open());
    let changed: Vec<(usize, u64, String)> =
        changed.filter_map(|(n, letter)| Some((n, letter.change.id?, letter.change.new_email()?.to_owned()))).collect();
    let asks: Vec<_> = changed.iter().map(|(_, id, email)| has_another(mautic, *id, email)).collect();
    let answers: Vec<Result<bool, MauticError>> = stream::iter(asks).buffered(CALLS_AT_ONCE).collect().await;
    let mut given = BTreeSet::new();
    for ((n, _, email), answer) in changed.into_iter().zip(answers) {
        let Some(letter) = letters.get_mut(n) else { continue };
        match answer {
            Ok(taken) if taken || !given.insert(email.to_lowercase()) => {
                letter.change.fields.remove(EMAIL);
                tracing::warn!(contact.id = letter.change.id, code = "delivery_email_taken", "another contact of the platform has the new address");
            }
            Ok(_) => {}
            Err(error) => letter.answer = Some(failure(&error)),
        }
    }
}

async fn has_another(mautic: &Mautic<'_>, id: u64, email: &str) -> Result<bool, MauticError> {
    let found = mautic.contacts(&Query::by(Column::Id).equals(Column::Email, email)).await?;
    Ok(found.iter().any(|contact| contact.get("id").and_then(Value::as_u64).is_some_and(|other| other != id)))
}

/// Known contacts without zeros, all in one call.
async fn patch(mautic: &Mautic<'_>, letters: &mut [Letter]) {
    let mut asked: Vec<(&mut Letter, Map<String, Value>)> = Vec::new();
    for letter in letters.iter_mut().filter(|letter| letter.is_open() && letter.writes_fields() && !letter.change.has_zero()) {
        if letter.change.id.is_some() {
            let body = letter.with_owner(letter.change.patch());
            asked.push((letter, body));
        }
    }
    let (letters, bodies): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
    if !bodies.is_empty() {
        settle(letters, mautic.patch(bodies).await, |_, _| {});
    }
}

/// Contacts that get a zero: read, and written whole.
async fn put(mautic: &Mautic<'_>, letters: &mut [Letter]) {
    let open: Vec<&mut Letter> = letters.iter_mut().filter(|letter| letter.is_open() && letter.change.has_zero()).collect();
    let puts: Vec<_> = open.into_iter().filter_map(|letter| Some(put_one(mautic, letter.change.id?, letter))).collect();
    stream::iter(puts).buffer_unordered(CALLS_AT_ONCE).collect::<Vec<()>>().await;
}

async fn put_one(mautic: &Mautic<'_>, id: u64, letter: &mut Letter) {
    let written = match mautic.contact(id).await {
        Ok(contact) => mautic.put(id, &letter.with_owner(letter.change.put(&contact))).await,
        Err(error) => Err(error),
    };
    if let Err(error) = written {
        letter.answer = Some(of_one(&error));
    }
}

/// People whom Mautic has not named yet. Answers the contacts that they are from now on.
async fn create(mautic: &Mautic<'_>, letters: &mut [Letter]) -> Vec<Value> {
    let mut asked: Vec<(&mut Letter, Map<String, Value>)> = Vec::new();
    for letter in letters.iter_mut().filter(|letter| letter.is_open() && letter.change.id.is_none()) {
        match letter.change.post() {
            Some(body) => {
                let body = letter.with_owner(body);
                asked.push((letter, body));
            }
            None => letter.answer = Some(Answer::Impossible { cause: NOBODY }),
        }
    }
    let (mut open, bodies): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
    let mut made = Vec::new();
    if bodies.is_empty() {
        return made;
    }
    let answer = mautic.create(bodies).await;
    settle(open.iter_mut().map(|letter| &mut **letter).collect(), answer, |letter, contact| {
        letter.change.id = contact.get("id").and_then(Value::as_u64);
        made.push(contact);
    });
    let zeros = open.into_iter().filter(|letter| letter.is_open() && letter.change.has_zero());
    let puts: Vec<_> = zeros.filter_map(|letter| Some(put_one(mautic, letter.change.id?, letter))).collect();
    stream::iter(puts).buffer_unordered(CALLS_AT_ONCE).collect::<Vec<()>>().await;
    made
}

/// Notes what became of each item of a batch.
fn settle(letters: Vec<&mut Letter>, answer: Result<Vec<Item>, MauticError>, mut done: impl FnMut(&mut Letter, Value)) {
    match answer {
        Ok(items) => {
            for (letter, item) in letters.into_iter().zip(items) {
                match item.status {
                    200..300 => done(letter, item.entity),
                    404 => letter.answer = Some(Answer::Impossible { cause: GONE }),
                    status => letter.answer = Some(Answer::Failed { cause: MauticError::of_item(status).code(), status: Some(status) }),
                }
            }
        }
        Err(error) => letters.into_iter().for_each(|letter| letter.answer = Some(failure(&error))),
    }
}

/// Opt-outs, once the contact is written.
async fn opt_outs(mautic: &Mautic<'_>, letters: &mut [Letter]) {
    let open: Vec<&mut Letter> = letters.iter_mut().filter(|letter| letter.is_open()).collect();
    let calls = open.into_iter().filter_map(|letter| letter.change.opt_out.zip(letter.change.id).map(|(yes, id)| opt_out(mautic, id, yes, letter)));
    let calls: Vec<_> = calls.collect();
    stream::iter(calls).buffer_unordered(CALLS_AT_ONCE).collect::<Vec<()>>().await;
}

async fn opt_out(mautic: &Mautic<'_>, id: u64, yes: bool, letter: &mut Letter) {
    if let Err(error) = mautic.do_not_contact(id, EMAIL, yes).await {
        letter.answer = Some(of_one(&error));
    }
}

/// What a failed call means for a delivery that is about one contact.
fn of_one(error: &MauticError) -> Answer {
    match error {
        MauticError::NotFound => Answer::Impossible { cause: GONE },
        other => failure(other),
    }
}

fn failure(error: &MauticError) -> Answer {
    match error {
        MauticError::Silent(_) => Answer::Silent { cause: error.code() },
        other => Answer::failed(other.code()),
    }
}

/// The contact, or the company, is not in Mautic any more.
const GONE: &str = "delivery_gone";
/// The person has neither an id of Mautic nor an address.
const NOBODY: &str = "delivery_nobody";
/// Mautic has not told the id of the company.
const NO_COMPANY: &str = "delivery_company_unknown";
/// The stored delivery is none.
const UNREADABLE: &str = "delivery_unreadable";
