//! Writing the secret: lease, new version, pointer. The only place that stores a connection's Salesforce secret.

use std::time::Duration;

use secrecy::SecretString;

use super::{Credentials, TokenError};
use crate::{
    adapters::{
        secrets::{SecretError, SecretKind},
        state::{
            StateError,
            tokens::{Leased, NewVersion, Settled, TokenItem},
        },
    },
    domain::{event::hex, ids::ConnectionId},
    ports::Ports,
};

/// How long to wait between looks for a version that is not visible yet: 6.3 seconds in all.
const VISIBLE_WAITS_MS: [u64; 7] = [100, 200, 400, 800, 1_600, 1_600, 1_600];
/// How long to wait between tries to store, or to make the secret: 21 seconds in all. The lease is extended each time.
const STORE_WAITS_MS: [u64; 9] = [100, 200, 400, 800, 1_600, 3_000, 5_000, 5_000, 5_000];
/// How long to wait between looks at a lease that somebody else holds.
pub(super) const LEASE_WAIT: Duration = Duration::from_millis(250);
/// How often to look: a little longer than one token request may take.
pub(super) const LEASE_TRIES: u32 = 60;
/// How often to take up what a former holder has left, before the lease is given up: each time somebody else died meanwhile.
const TAKE_UP_TRIES: u32 = 4;

/// Reads one version of the secret, waiting a little where it is not visible yet. Never falls back to another version.
pub(super) async fn read_version(ports: Ports<'_>, c: &ConnectionId, version: &str) -> Result<Credentials, TokenError> {
    let mut waits = VISIBLE_WAITS_MS.iter();
    loop {
        match ports.secrets.read_version(c, SecretKind::Salesforce, version).await {
            Ok(secret) => return Credentials::parse(&secret.text).ok_or(TokenError::Unreadable),
            Err(SecretError::Absent { .. }) => match waits.next() {
                Some(wait) => ports.clock.sleep(Duration::from_millis(*wait)).await,
                None => return Err(TokenError::NotVisible),
            },
            Err(other) => return Err(other.into()),
        }
    }
}

/// Reads what the pointer names; where it names nothing yet, what somebody may have put there by hand.
pub(super) async fn read_pointed(ports: Ports<'_>, c: &ConnectionId, pointer: &TokenItem) -> Result<Option<Credentials>, TokenError> {
    if let Some(version) = &pointer.version {
        return read_version(ports, c, version).await.map(Some);
    }
    match ports.secrets.read_current(c, SecretKind::Salesforce).await {
        Ok(secret) => Credentials::parse(&secret.text).map(Some).ok_or(TokenError::Unreadable),
        Err(SecretError::Absent { .. }) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

/// Makes the secret without a version, waiting where the one before is still being deleted: Secrets Manager does that behind its answer, and gives
/// the name away again when it is done.
pub(super) async fn create(ports: Ports<'_>, c: &ConnectionId) -> Result<(), SecretError> {
    let mut waits = STORE_WAITS_MS.iter();
    loop {
        match (ports.secrets.create(c, SecretKind::Salesforce).await, waits.next()) {
            (Err(SecretError::BeingDeleted { .. }), Some(wait)) => ports.clock.sleep(Duration::from_millis(*wait)).await,
            (done, _) => return done,
        }
    }
}

/// The lease of one connection's secret, while it is held.
pub(super) struct Keeper<'a> {
    pub ports: Ports<'a>,
    pub connection: &'a ConnectionId,
    pub owner: String,
    /// The pointer as it stood when the lease was taken.
    pub pointer: TokenItem,
}

/// What a version brings besides: only who has asked Salesforce for tokens has used the refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tokens {
    /// Tokens that Salesforce gave just now.
    New,
    /// Those of the version before, or none.
    AsBefore,
}

impl Tokens {
    /// What `next` brings, held against the version before.
    fn of(former: &Credentials, next: &Credentials) -> Self {
        if next.access_token.is_none() || next.same_tokens(former) { Self::AsBefore } else { Self::New }
    }
}

/// What looking for a former holder's announced version gave.
enum Leftover {
    /// Nothing was announced.
    None,
    /// It was stored; only the pointer was not moved.
    Found(String, Box<Credentials>),
    /// It was never stored: tokens may have been made and lost.
    Missing,
}

/// What became of a former holder's announced version.
pub(super) enum TakenUp {
    /// Nothing was announced.
    Nothing,
    /// It was never stored: tokens may have been made and lost.
    Missing,
    /// It counts now, as this generation; `None` = somebody else moved the pointer first. The lease is over.
    Counts { generation: Option<u64>, credentials: Box<Credentials>, tokens: Tokens },
}

impl Keeper<'_> {
    /// Has what a former holder stored count, if only the pointer was not moved. Until then nothing else is decided or announced: its tokens may be
    /// the only ones that are good, and nothing but the pointer tells where they are.
    pub async fn take_up(&self) -> Result<TakenUp, TokenError> {
        let (version, credentials) = match self.leftover().await? {
            Leftover::None => return Ok(TakenUp::Nothing),
            Leftover::Missing => return Ok(TakenUp::Missing),
            Leftover::Found(version, credentials) => (version, credentials),
        };
        let counts = read_pointed(self.ports, self.connection, &self.pointer).await?.unwrap_or_default();
        let tokens = Tokens::of(&counts, &credentials);
        let generation = self.commit(&version, &credentials, tokens).await?;
        if tokens == Tokens::New {
            tracing::warn!(connection.id = %self.connection, code = "rotation_recovered", "tokens of an interrupted refresh were found");
        }
        Ok(TakenUp::Counts { generation, credentials, tokens })
    }

    /// Looks for what a former holder announced and did not finish. That it is not there is believed only after a while: a read may be stale.
    async fn leftover(&self) -> Result<Leftover, TokenError> {
        let Some(pending) = &self.pointer.pending else { return Ok(Leftover::None) };
        match read_version(self.ports, self.connection, pending).await {
            Ok(credentials) => Ok(Leftover::Found(pending.clone(), Box::new(credentials))),
            Err(TokenError::NotVisible) => Ok(Leftover::Missing),
            Err(other) => Err(other),
        }
    }

    /// Notes that tokens may have been made and lost.
    async fn doubt(&self) -> Result<(), TokenError> {
        if self.ports.table.doubt_token(self.connection, &self.owner).await? { Ok(()) } else { Err(TokenError::Busy) }
    }

    /// Announces the next version and answers its id.
    pub async fn announce(&self) -> Result<String, TokenError> {
        let version = hex(&self.ports.ids.secret_bytes());
        let now = self.ports.clock.now();
        if self.ports.table.announce_token(self.connection, &self.owner, &version, now).await? { Ok(version) } else { Err(TokenError::Busy) }
    }

    /// Stores a version and moves the pointer, each tried until done. Answers the new generation; `None` = somebody else
    /// moved the pointer first.
    pub async fn store(&self, version: &str, credentials: &Credentials, tokens: Tokens) -> Result<Option<u64>, TokenError> {
        self.store_secret(version, &credentials.to_text()).await?;
        self.commit(version, credentials, tokens).await
    }

    async fn store_secret(&self, version: &str, text: &SecretString) -> Result<(), SecretError> {
        let (ports, c) = (self.ports, self.connection);
        let mut waits = STORE_WAITS_MS.iter();
        loop {
            let Err(error) = ports.secrets.store(c, SecretKind::Salesforce, version, text).await else { return Ok(()) };
            let Some(wait) = waits.next() else { return Err(error) };
            tracing::warn!(connection.id = %c, code = "secret_store_failed", "storing the secret is tried again");
            ports.clock.sleep(Duration::from_millis(*wait)).await;
            // A lease that is lost changes nothing: these tokens are the youngest, and the pointer decides.
            let _ = ports.table.announce_token(c, &self.owner, version, ports.clock.now()).await;
        }
    }

    /// Moves the pointer to a version that is stored.
    pub async fn commit(&self, version: &str, credentials: &Credentials, tokens: Tokens) -> Result<Option<u64>, TokenError> {
        let (ports, c, seen) = (self.ports, self.connection, self.pointer.generation);
        let used_at_ms = match tokens {
            Tokens::New => ports.clock.now().as_millisecond(),
            Tokens::AsBefore => self.pointer.last_used_ms(),
        };
        let certificate_until_ms = credentials.signing_key().map(|key| key.expires_at.as_millisecond());
        let new = NewVersion { version, used_at_ms, renews: tokens == Tokens::New, certificate_until_ms };
        let mut waits = STORE_WAITS_MS.iter();
        loop {
            match ports.table.commit_token(c, seen, new, ports.clock.now()).await {
                Ok(true) => return Ok(Some(seen + 1)),
                Ok(false) => return Ok(None),
                Err(error @ StateError::Unavailable { .. }) => match waits.next() {
                    Some(wait) => ports.clock.sleep(Duration::from_millis(*wait)).await,
                    None => return Err(error.into()),
                },
                Err(other) => return Err(other.into()),
            }
        }
    }

    /// Ends the lease. A failure is logged only: the lease ends by itself.
    pub async fn release(&self, settled: Settled<'_>) {
        if self.ports.table.release_token(self.connection, &self.owner, settled).await.is_err() {
            tracing::warn!(connection.id = %self.connection, code = "state_failed", "the token's lease was not released");
        }
    }
}

/// Replaces the secret by what `change` makes of the former one, and answers the new generation. Waits for a refresh that is
/// under way, and finishes what a former writer left half done.
pub async fn rewrite<E: From<TokenError>>(
    ports: Ports<'_>,
    connection: &ConnectionId,
    change: impl FnOnce(Option<Credentials>) -> Result<Credentials, E>,
) -> Result<u64, E> {
    for _ in 0..TAKE_UP_TRIES {
        let keeper = hold(ports, connection).await?;
        let taken_up = match keeper.take_up().await {
            // The lease ended with that, and the change is made of what counts now.
            Ok(TakenUp::Counts { .. }) => continue,
            taken_up => taken_up,
        };
        let outcome = match taken_up {
            Ok(left) => rewrite_held(&keeper, matches!(left, TakenUp::Missing), change).await,
            Err(error) => Err(error.into()),
        };
        if outcome.is_err() {
            let settled = if keeper.pointer.doubts() { Settled::InDoubt } else { Settled::Yes };
            keeper.release(settled).await;
        }
        return outcome;
    }
    Err(TokenError::Busy.into())
}

/// Gives the secret up: `last` is done with what it holds while nobody can write another, then the pointer names nothing, then it is deleted.
/// Whoever dies in between leaves something that can be given up again.
pub async fn give_up<T>(ports: Ports<'_>, connection: &ConnectionId, last: impl AsyncFnOnce(Option<Credentials>) -> T) -> Result<T, TokenError> {
    let keeper = hold(ports, connection).await?;
    let held = match keeper.leftover().await {
        Ok(Leftover::Found(_, credentials)) => Some(*credentials),
        // What cannot be read cannot be given back either.
        Ok(Leftover::None | Leftover::Missing) | Err(_) => read_pointed(ports, connection, &keeper.pointer).await.unwrap_or_default(),
    };
    let done = last(held).await;
    if !ports.table.forget_token(connection, &keeper.owner, keeper.pointer.generation).await? {
        return Err(TokenError::Busy);
    }
    ports.secrets.delete(connection, SecretKind::Salesforce).await?;
    Ok(done)
}

async fn rewrite_held<E: From<TokenError>>(
    keeper: &Keeper<'_>,
    is_missing: bool,
    change: impl FnOnce(Option<Credentials>) -> Result<Credentials, E>,
) -> Result<u64, E> {
    if is_missing {
        // The version that is announced now takes the place of the lost one, and may bring no tokens that settle what became of it.
        keeper.doubt().await?;
    }
    let former = read_pointed(keeper.ports, keeper.connection, &keeper.pointer).await?;
    let had = former.clone().unwrap_or_default();
    let credentials = change(former)?;
    let tokens = Tokens::of(&had, &credentials);
    let version = keeper.announce().await?;
    let stored = keeper.store(&version, &credentials, tokens).await?;
    Ok(stored.ok_or(TokenError::Busy)?)
}

async fn hold<'a>(ports: Ports<'a>, connection: &'a ConnectionId) -> Result<Keeper<'a>, TokenError> {
    let owner = ports.ids.fresh();
    let mut seen = ports.table.load_token(connection).await?.generation;
    for _ in 0..LEASE_TRIES {
        match ports.table.lease_token(connection, seen, &owner, ports.clock.now()).await? {
            Leased::Ours(pointer) => return Ok(Keeper { ports, connection, owner, pointer }),
            Leased::Moved(pointer) => seen = pointer.generation,
            Leased::Taken => ports.clock.sleep(LEASE_WAIT).await,
        }
    }
    Err(TokenError::Busy)
}
